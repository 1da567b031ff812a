package scripts

import (
	"strings"

	"entraide/internal/base/auth"
	"entraide/internal/base/i18n"
	"entraide/internal/domain/script"
	"entraide/internal/domain/ticket"
)

// Lines are the answers of p in words, each "question: answer", checks apart from questions: what was tried and what is
// known.
func (p Progress) Lines(l i18n.Loc) (tried, known []string) {
	lang := string(l.Lang)
	for _, d := range p.Answers {
		n, ok := p.Tree.Find(d.Node)
		if !ok {
			continue
		}
		said := d.Said(n, lang)
		switch {
		case n.Kind == script.Check:
			tried = append(tried, l.T("script.line", "question", n.Title.In(lang), "answer", said))
		case n.Kind == script.Question:
			known = append(known, l.T("script.line", "question", n.Title.In(lang), "answer", said))
		case n.Kind == script.Reply:
			tried = append(tried, l.T("script.line.reply", "title", n.Title.In(lang)))
		case n.Kind == script.Article:
			tried = append(tried, l.T("script.line.article", "title", n.Title.In(lang)))
		}
	}
	return tried, known
}

// Pass is what the handover form holds when p is passed on: everything answered, and what its end asks for. Level is 0 and
// QueueID "" unless it stands at an end that names them.
func (p Progress) Pass(l i18n.Loc) ticket.Pass {
	lang := string(l.Lang)
	tried, known := p.Lines(l)
	out := ticket.Pass{Handover: ticket.Handover{Tried: bullets(tried), Known: bullets(known)}}
	if n, ok := p.Node(); ok && n.Kind == script.Outcome && n.End == script.EndEscalate {
		out.QueueID, out.Level, out.Reason, out.Handover.Asked = n.Queue, n.Level, n.Title.In(lang), n.Asked.In(lang)
	}
	if name := p.Script.Name.In(lang); out.Handover.Tried != "" || out.Handover.Known != "" {
		out.Handover.Tried = strings.TrimSpace(l.T("script.followed", "script", name) + "\n" + out.Handover.Tried)
	}
	return out
}

func bullets(lines []string) string {
	if len(lines) == 0 {
		return ""
	}
	return "- " + strings.Join(lines, "\n- ")
}

// Body is the text of a reply or of a resolution, in a language, with its variables filled in.
func Body(n script.Node, lang string, t ticket.Ticket, a auth.Actor) string {
	return ticket.CannedReply{Body: n.Body.In(lang)}.Fill(t, a)
}
