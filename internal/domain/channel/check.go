package channel

// Check is what one step of the test of a mailbox found.
type Check struct {
	Step   string            // what was tried: "connect", "tls", "sign_in", "folder", "send", …
	Key    string            // catalogue key, "mailin.…" or "mailout.…": plain words and, when it failed, the remedy
	Args   map[string]string // of Key
	OK     bool
	Detail string // words of the foreign server, as they came; "" = none
}

// Passed reports whether every step succeeded. Without any step nothing was tried, so nothing passed.
func Passed(checks []Check) bool {
	for _, c := range checks {
		if !c.OK {
			return false
		}
	}
	return len(checks) > 0
}

// Words returns the arguments of the check as a translation takes them.
func (c Check) Words() []any { return pairs(c.Args) }

// Words returns the arguments of the step as a translation takes them.
func (s Step) Words() []any { return pairs(s.Args) }

func pairs(args map[string]string) []any {
	out := make([]any, 0, 2*len(args))
	for name, value := range args {
		out = append(out, name, value)
	}
	return out
}
