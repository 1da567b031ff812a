package mime

import (
	"strings"

	"entraide/internal/base/text"
)

// Auth is what one receiving server found out about the sender. Results are in lower case, as RFC 8601 names them:
// "pass", "fail", "softfail", "neutral", "none", "temperror", "permerror"; "" if not told.
type Auth struct {
	Server  string `json:"server"`  // that wrote it
	Trusted bool   `json:"trusted"` // it is one of Parser.Receivers; otherwise anybody may have written it
	SPF     string `json:"spf"`
	DKIM    string `json:"dkim"`
	DMARC   string `json:"dmarc"`
	ARC     string `json:"arc"`    // of the chain of forwarders
	Domain  string `json:"domain"` // that was checked: of From, else of the signature, else of the envelope
	Source  string `json:"source"` // field: "authentication-results", "received-spf", "arc-authentication-results"
}

// maxResults is how many results of one field are read.
const maxResults = 30

// auth returns the results of the receiver nearest to us, nil if there are none. Results of a server that p trusts
// come first; of several fields that it wrote, the upper one counts, because what stands lower may be the sender's.
func (p Parser) auth(h header) *Auth {
	var own, claimed *Auth
	passed, level := 0, 0 // Received fields above, and above own
	foreign := false      // one of them is of a server that we do not trust
	for i, f := range h {
		if i > maxFields {
			break
		}
		var a *Auth
		switch f.name {
		case "received":
			passed++
			foreign = foreign || !p.receiver(receivedBy(h[i:i+1]))
			continue
		case "authentication-results", "x-ms-exchange-authentication-results":
			var named bool
			a, named = p.results(f.value, h[i+1:])
			// A server removes forged fields of the standard name that bear its own (RFC 8601 §5), and no others.
			if a != nil && foreign && (!named || f.name != "authentication-results") {
				a.Trusted = false
			}
		case "received-spf":
			if a = p.receivedSPF(f.value); a != nil && foreign {
				a.Trusted = false // nobody removes this field when it is forged
			}
		case "arc-authentication-results":
			if _, rest, ok := strings.Cut(f.value, ";"); ok { // i=1;
				a, _ = p.results(rest, nil)
			}
			if a != nil {
				a.Trusted, a.Source = false, "arc-authentication-results"
			}
		}
		switch {
		case a == nil:
		case a.Trusted && own == nil:
			own, level = a, passed
		case a.Trusted && own.Server == a.Server && level == passed:
			own.add(*a)
		case !a.Trusted && claimed == nil:
			claimed = a
		}
	}
	if own != nil {
		return own
	}
	return claimed
}

// add takes over what a tells and b does not.
func (b *Auth) add(a Auth) {
	first(&b.SPF, a.SPF)
	first(&b.DKIM, a.DKIM)
	first(&b.DMARC, a.DMARC)
	first(&b.ARC, a.ARC)
	first(&b.Domain, a.Domain)
}

// results reads one Authentication-Results field; below are the fields under it. named tells whether it names the
// server itself.
func (p Parser) results(value string, below header) (a *Auth, named bool) {
	parts := clauses(value)
	a = &Auth{Source: "authentication-results"}
	if first := strings.Fields(parts[0]); len(first) > 0 && !strings.Contains(first[0], "=") {
		a.Server, named = text.Excerpt(first[0], 200), true
		parts = parts[1:]
	} else if len(first) > 0 {
		// Exchange Online leaves its name out. The server that received the mail says it right below.
		a.Server = receivedBy(below)
	}
	told := false
	var domains [3]string
	for _, part := range parts {
		if strings.TrimSpace(part) == "none" {
			told = true
		}
		method, fields := result(part)
		if len(fields) == 0 {
			continue
		}
		switch r := fields[0]; method {
		case "spf":
			first(&a.SPF, r)
		case "dkim":
			if a.DKIM == "pass" {
				continue
			}
			a.DKIM, domains[1] = r, "" // one good signature is enough, and then its domain counts
		case "dmarc":
			first(&a.DMARC, r)
		case "arc":
			first(&a.ARC, r)
		default:
			continue
		}
		told = true
		for _, f := range fields[1:] {
			key, domain, _ := strings.Cut(f, "=")
			if rank := domainRank[strings.ToLower(key)]; rank > 0 {
				first(&domains[rank-1], domainOf(domain))
			}
		}
	}
	if !told || a.Server == "" {
		return nil, named
	}
	for _, d := range domains {
		first(&a.Domain, d)
	}
	a.Trusted = p.receiver(a.Server)
	return a, named
}

// domainRank orders the properties of results by how well their domain stands for the sender.
var domainRank = map[string]int{"header.from": 1, "header.d": 2, "header.i": 2, "smtp.mailfrom": 3}

// result splits "method=result property=value …"; the first field is the result. No fields if it is none.
func result(part string) (method string, fields []string) {
	method, rest, ok := strings.Cut(strings.TrimSpace(part), "=")
	fields = strings.Fields(rest)
	if !ok || len(fields) == 0 {
		return "", nil
	}
	fields[0] = strings.ToLower(text.Excerpt(fields[0], 20))
	if strings.Trim(fields[0], "abcdefghijklmnopqrstuvwxyz") != "" {
		return "", nil
	}
	method, _, _ = strings.Cut(strings.ToLower(strings.TrimSpace(method)), "/")
	return strings.TrimSpace(method), fields
}

// first sets *field unless it is set.
func first(field *string, value string) {
	if *field == "" {
		*field = value
	}
}

func domainOf(address string) string {
	address = strings.Trim(address, `"<>;`)
	return strings.ToLower(text.Excerpt(address[strings.LastIndexByte(address, '@')+1:], 255))
}

// receivedSPF reads a Received-SPF field (RFC 7208 §9.1).
func (p Parser) receivedSPF(value string) *Auth {
	plain := withoutComments(value)
	result, rest, _ := strings.Cut(strings.TrimSpace(plain), " ")
	a := Auth{Source: "received-spf", SPF: strings.ToLower(text.Excerpt(strings.Trim(result, ";"), 20))}
	for _, f := range strings.FieldsFunc(rest, func(r rune) bool { return r == ';' || r == ' ' }) {
		key, v, _ := strings.Cut(f, "=")
		switch strings.ToLower(key) {
		case "receiver":
			a.Server = text.Excerpt(strings.Trim(v, `"`), 200)
		case "envelope-from":
			a.Domain = domainOf(v)
		}
	}
	if a.SPF == "" || strings.Trim(a.SPF, "abcdefghijklmnopqrstuvwxyz") != "" || a.Server == "" {
		return nil
	}
	a.Trusted = p.receiver(a.Server)
	return &a
}

// receiver reports whether the server is one that we trust, or lies in a domain that we trust.
func (p Parser) receiver(server string) bool {
	server = strings.ToLower(strings.TrimSuffix(server, "."))
	for _, r := range p.Receivers {
		r = strings.ToLower(strings.Trim(strings.TrimSpace(r), "."))
		if r != "" && (server == r || strings.HasSuffix(server, "."+r)) {
			return true
		}
	}
	return false
}

// receivedBy returns the server that wrote the first Received field of h.
func receivedBy(h header) string {
	fields := strings.Fields(withoutComments(h.get("received")))
	for i, f := range fields[:max(0, len(fields)-1)] {
		if strings.EqualFold(f, "by") {
			return text.Excerpt(strings.Trim(fields[i+1], ";"), 200)
		}
	}
	return ""
}

// clauses splits a field at its semicolons and drops comments; neither counts inside quotes.
func clauses(value string) []string {
	var list []string
	var b strings.Builder
	quoted := false
	for _, c := range []byte(withoutComments(value)) {
		if c == '"' {
			quoted = !quoted
		}
		if c == ';' && !quoted && len(list) < maxResults {
			list = append(list, b.String())
			b.Reset()
			continue
		}
		b.WriteByte(c)
	}
	return append(list, b.String())
}

// withoutComments drops what stands in round brackets.
func withoutComments(value string) string {
	var b strings.Builder
	depth, quoted := 0, false
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case c == '\\':
			i++
		case c == '"' && depth == 0:
			quoted = !quoted
			b.WriteByte(c)
		case quoted:
			b.WriteByte(c)
		case c == '(':
			depth++
		case c == ')':
			depth = max(0, depth-1)
		case depth == 0:
			b.WriteByte(c)
		}
	}
	return b.String()
}
