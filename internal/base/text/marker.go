package text

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// ReplyAbove and ReplyAboveEnglish are the lines that our own mails carry above their text.
const (
	ReplyAbove        = "— Répondez au-dessus de cette ligne —"
	ReplyAboveEnglish = "— Reply above this line —"
)

// The patterns below see folded lines (Fold): lower case, no accents, plain spaces and apostrophes.
var (
	ownLine = regexp.MustCompile(`(?:(?:repondez|repondre|ecrivez|ecrire|taper|tapez|saisir|saisissez)[a-z ]{0,30} au-dessus de cette ligne|(?:reply|type|write)[a-z ]{0,30} above this line)`)

	// "Le 12 mars 2026 à 10:05, X <x@y> a écrit :", "On … wrote:", and their relatives. A digit is required
	// below, because a date is what tells a quotation from a sentence.
	attributionStart = regexp.MustCompile(`^(?:le|on|am|el|il|op|em|as|den|w dniu|a la date du|en date du|al|date) |^[0-9]{1,4}[-/. ][0-9]{1,2}|` +
		`^(?:lun|mar|mer|jeu|ven|sam|dim|mon|tue|wed|thu|fri|sat|sun)[a-z]*[.,]? |<[^<>\s]+@[^<>\s]+>|^-{2,}`)
	attributionEnd = regexp.MustCompile(`(?:` + wrote + `)[^:]{0,80}:\s*-*\s*$|(?:` + wrote + `)\s*-{2,}\s*$|^[0-9]{4}[-/][0-9]{1,2}[-/][0-9]{1,2}(?: [0-9]{1,2}:[0-9]{2} (?:gmt|utc)\S*)? [^<>:]{0,200}<[^<>\s]+@[^<>\s]+>\s*:$|^quoting [^:]{0,200}@[^:]{0,80}:\s*$`)
	// Yahoo on phones writes the first words of the history behind the announcement.
	attributionRunsOn = regexp.MustCompile(`<[^<>\s]+@[^<>\s]+>,? (?:` + wrote + `)\s*:\s{2,}\S`)
	clock             = regexp.MustCompile(`\b[0-9]{1,2} ?[:h.] ?[0-9]{2}\b`)
	groupWise         = regexp.MustCompile(`^\s*>>> .{3,200}[0-9] >>>\s*$`) // sees the line as it is

	original = regexp.MustCompile(`^[-_=\x{2010}-\x{2015}\s]*(?:message d'origine|(?:message|mail|e-mail|courriel) original|message initial|message precedent|original message|` +
		`original appointment|rendez-vous d'origine|ursprungliche nachricht|mensaje original|messaggio originale|reply message|original email|message de [^-]{2,60})\s*[-_=:\x{2010}-\x{2015}]{2,}\s*$`)
	orangeQuote = regexp.MustCompile(`^(?:>\s*)?message du\s*:?\s*[0-9]{2}/[0-9]{2}/[0-9]{2,4} (?:a )?[0-9]{1,2}[:h][0-9]{2}`)
	forwardLine = regexp.MustCompile(`^(?:[-_=*\s]{3,}(?:forwarded|(?:message|mail) (?:transfere|reexpedie)|weitergeleitete|mensaje reenviado|messaggio inoltrato|doorgestuurd|mensagem encaminhada|transfere par )|` +
		`(?:begin forwarded message|debut du message (?:transfere|reexpedie)|anfang der weitergeleiteten nachricht)\s*:\s*$)`)

	headerFrom = regexp.MustCompile(`^[\s*_]*(?:de|from|von|da|expediteur|van)[*_]*\s*:[*_]*\s*\S`)
	headerNext = regexp.MustCompile(`^[\s*_]*(envoyee?(?: le| par)?|sent|gesendet|enviad[oa](?: el| em)?|inviato|verzonden|date|datum|data|fecha|le|a|to|an|para|aan|pour|destinataires?|` +
		`cc|cci|bcc|kopie|copie(?: a)?|objet|sujet|subject|betreff|asunto|assunto|oggetto|onderwerp|importance|reply-to|repondre a)[*_]*\s*:`)
	// headerFirst are the fields besides the sender that some webmails put first.
	headerFirst   = regexp.MustCompile(`^[\s*_]*(?:envoyee?(?: le)?|objet|sujet|subject|date|sent)[*_]*\s*:[*_]*\s*\S`)
	headerSubject = regexp.MustCompile(`^(?:objet|sujet|subject|betreff|asunto|assunto|oggetto|onderwerp)$`)
	underscores   = regexp.MustCompile(`^\s*_{8,}\s*$`)
	ruled         = regexp.MustCompile(`^\s*[-_=]{8,}\s*$`)

	banner = regexp.MustCompile(`^[\[*\s]*(?:attention|caution|warning|avertissement|prudence|external|message externe|courriel externe)\b.{0,200}(?:exterieure?|externe|outside|external)`)
)

const wrote = `a ecrit|ecrivait|a ecrit le|wrote|writes|schrieb|escribio|ha scritto|schreef|escreveu|skrev|napisal(?:\(a\))?|a repondu`

// maxWrapped is over how many lines mail clients wrap the line that announces a quotation.
const maxWrapped = 4

// maxMarkerLine is the longest line, in bytes, examined for markers: longer ones are prose.
const maxMarkerLine = 600

// line is one line of a mail body with what StripReply needs to know of it.
type line struct {
	raw    string
	folded string // of the part after the quote prefix, at most maxMarkerLine bytes
	depth  int    // levels of "> " before it
	from   bool   // it looks like the sender's line in the head of a mail
	first  bool   // it looks like another line that such a head begins with
	field  string // name of any other field of such a head
}

// split returns the lines of s.
func split(s string) []line {
	lines := make([]line, 0, strings.Count(s, "\n")+1)
	for raw := range strings.SplitSeq(s, "\n") {
		rest, depth := unquote(raw)
		l := line{raw: raw, depth: depth}
		if len(rest) <= maxMarkerLine {
			l.folded = strings.TrimSpace(Fold(rest))
			l.headed()
		} else {
			l.folded = "…" // neither empty nor a marker
		}
		lines = append(lines, l)
	}
	return lines
}

// maxFieldName is where the colon of a field in the head of a mail stands at the latest.
const maxFieldName = 40

// headed finds out whether the line could belong to the head of a quoted mail.
func (l *line) headed() {
	if i := strings.IndexByte(l.folded, ':'); i < 1 || i > maxFieldName {
		return
	}
	l.from, l.first = headerFrom.MatchString(l.folded), headerFirst.MatchString(l.folded)
	if m := headerNext.FindStringSubmatch(l.folded); m != nil {
		l.field = m[1]
	}
}

// unquote removes the quote prefix of a line: ">", "> >", ">>", "|" is none.
func unquote(s string) (rest string, depth int) {
	rest = s
	for {
		t := strings.TrimLeft(rest, " \t")
		if len(rest)-len(t) > 3 || !strings.HasPrefix(t, ">") {
			return rest, depth
		}
		rest = strings.TrimPrefix(t[1:], " ")
		depth++
	}
}

// attribution returns how many of the lines from i on announce a quotation; 0 if they do not.
func attribution(lines []line, i int) int {
	if !attributionStart.MatchString(lines[i].folded) {
		return 0
	}
	joined := ""
	for n := 1; n <= maxWrapped && i+n <= len(lines); n++ {
		l := lines[i+n-1]
		if l.folded == "" || l.depth != lines[i].depth {
			return 0
		}
		joined = strings.TrimSpace(joined + " " + l.folded)
		if len(joined) > maxMarkerLine {
			return 0
		}
		// The last character rules most lines out without running the pattern.
		last := joined[len(joined)-1]
		switch {
		case (last == ':' || last == '-') && attributionEnd.MatchString(joined):
			if strings.Contains(joined, "@") || strings.HasPrefix(joined, "--") || clock.MatchString(joined) {
				return n
			}
			// A date alone is also how a sentence begins: then the quote must follow.
			if j := next(lines, i+n); strings.ContainsAny(joined, "0123456789") && j < len(lines) && lines[j].depth > lines[i].depth {
				return n
			}
			return 0
		case strings.Contains(joined, ">") && attributionRunsOn.MatchString(joined):
			return n
		}
	}
	return 0
}

// headerBlock reports whether at line i begins the head of a quoted mail as Outlook, Lotus Notes and
// webmails write it: a sender line and at least two more fields right below, of which one is the subject or any
// holds an address. Without either it may be a form, such as that of a journey from one town to another.
func headerBlock(lines []line, i int) bool {
	if !lines[i].from && !lines[i].first {
		return false
	}
	fields, other := map[string]bool{}, 0
	from, sure := false, false
	for j := i; j < len(lines) && j <= i+12; j++ {
		l := lines[j]
		if l.folded == "" {
			if len(fields) == 0 && j < i+3 {
				continue
			}
			if len(fields) > 0 && j+1 < len(lines) && (lines[j+1].field != "" || lines[j+1].from) {
				continue // some clients put every field into a paragraph
			}
			break
		}
		switch {
		case l.from:
			from = true
		case l.field != "":
			fields[l.field] = true
			sure = sure || headerSubject.MatchString(l.field)
		default:
			other++
		}
		if other > 4 { // long lists of recipients wrap
			break
		}
		sure = sure || (l.field != "" || j == i) && strings.Contains(l.folded, "@")
	}
	return from && sure && len(fields) >= 2
}

// cutsTail reports whether from line i on everything is history that carries no quote prefix.
func cutsTail(lines []line, i int) bool {
	f := lines[i].folded
	switch {
	case f == "" || utf8.RuneCountInString(f) < 3:
		return false
	case headerBlock(lines, i), original.MatchString(f), orangeQuote.MatchString(f):
		return true
	case underscores.MatchString(f):
		j := next(lines, i+1)
		return j < len(lines) && j <= i+3 && lines[j].from
	}
	return false
}

// next returns the first line from i on that is not empty, or len(lines).
func next(lines []line, i int) int {
	for i < len(lines) && lines[i].folded == "" {
		i++
	}
	return i
}
