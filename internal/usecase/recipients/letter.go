package recipients

import (
	_ "embed"
	"fmt"
	"html/template"
	"strings"
)

// link is a text that leads somewhere.
type link struct{ Text, URL string }

// entry is one piece of news of a digest.
type entry struct{ Title, Ticket, URL, Said string }

// letter is a mail before it is written as text and as HTML. Parts that do not apply are empty.
type letter struct {
	Lang      string
	Subject   string
	Name      string // of the help desk
	ReplyLine string // above which an answer stands; "" = not meant to be answered
	Title     string
	Subtitle  string
	Before    []string
	Plain     string        // the message, as text
	Said      template.HTML // the message, sanitised
	Files     []string      // names of attachments, which stay in the product
	Items     []entry
	After     []string
	Choices   []link
	Button    link
	Why       string
	Choose    link
}

//go:embed mail.html
var layout string

// page is parsed once; a template is not changed by being executed.
var page = template.Must(template.New("mail").Parse(layout))

// html writes the letter with tables first, as mail programs want it.
func (l letter) html() (string, error) {
	var b strings.Builder
	if err := page.Execute(&b, l); err != nil {
		return "", fmt.Errorf("mail as HTML: %w", err)
	}
	return b.String(), nil
}

// text writes the letter for those who read mail as text.
func (l letter) text() string {
	var b strings.Builder
	part := func(s string) {
		if s = strings.TrimSpace(s); s != "" {
			b.WriteString(s + "\n\n")
		}
	}
	part(l.ReplyLine)
	part(strings.TrimSpace(l.Title + "\n" + l.Subtitle))
	for _, s := range l.Before {
		part(s)
	}
	part(l.Plain)
	part(strings.Join(l.Files, "\n"))
	for _, i := range l.Items {
		part(strings.TrimSpace(i.Title + "\n" + i.Ticket + "\n" + i.Said + "\n" + i.URL))
	}
	for _, s := range l.After {
		part(s)
	}
	for _, c := range append(l.Choices, l.Button) {
		if c.URL != "" {
			part(c.Text + "\n" + c.URL)
		}
	}
	foot := l.Why
	if l.Choose.URL != "" {
		foot += "\n" + l.Choose.Text + " " + l.Choose.URL
	}
	b.WriteString("-- \n" + strings.TrimSpace(foot) + "\n")
	return b.String()
}
