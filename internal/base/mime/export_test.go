package mime

import "io"

// Counted is Parse with the number of bytes looked at.
func (p Parser) Counted(r io.Reader) (Message, int, error) {
	var c collector
	m, err := p.parse(r, &c)
	return m, c.steps, err
}
