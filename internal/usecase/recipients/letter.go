package recipients

import (
	_ "embed"
	"fmt"
	"html/template"
	"strings"

	"entraide/internal/base/text"
)

// link is a text that leads somewhere.
type link struct{ Text, URL string }

// entry is one piece of news of a digest.
type entry struct{ Title, Ticket, URL, Said string }

// letter is a mail before it is written as text and as HTML. Parts that do not apply are empty.
type letter struct {
	Lang      string
	Subject   string
	Look      look
	ReplyLine string // above which an answer stands; "" = not meant to be answered
	Blocks    []block
	Before    []quoted // what was said before, the latest first
	Why       string
	Choose    link
	// Unsubscribe is where a mail program may lead whoever wants none of this; "" = nowhere.
	Unsubscribe string
}

// block is a stretch of a letter; one of its parts is set.
type block struct {
	HTML    template.HTML // formatted words, sanitised
	Text    string        // the same as text
	Said    bool          // they are somebody's message
	Title   string
	Small   string
	Files   []link // names of attachments with where they are; no URL: they are in the mail
	Items   []entry
	Choices []link
	Button  link
}

// quoted is an earlier message, below the letter.
type quoted struct {
	Head string // "Le 12 mars à 9 h 44, Hélène Roux a écrit :"
	HTML template.HTML
	Text string
}

//go:embed mail.html
var layout string

// page is parsed once; a template is not changed by being executed.
var page = template.Must(template.New("mail").Parse(layout))

// html writes the letter with tables and inline styles, as mail programs want it.
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
	for _, k := range l.Blocks {
		part(strings.TrimSpace(k.Title + "\n" + k.Small))
		part(k.Text)
		part(lines(k.Files))
		for _, i := range k.Items {
			part(strings.TrimSpace(i.Title + "\n" + i.Ticket + "\n" + i.Said + "\n" + i.URL))
		}
		part(lines(k.Choices))
		part(lines([]link{k.Button}))
	}
	for _, q := range l.Before {
		part(q.Head + "\n> " + strings.ReplaceAll(q.Text, "\n", "\n> "))
	}
	foot := l.Why
	if l.Choose.URL != "" {
		foot += "\n" + l.Choose.Text + " " + l.Choose.URL
	}
	if foot = strings.TrimSpace(foot); foot != "" {
		b.WriteString("-- \n" + foot + "\n")
	}
	return b.String()
}

func lines(links []link) string {
	var b strings.Builder
	for _, x := range links {
		b.WriteString(strings.TrimSpace(x.Text+"\n"+x.URL) + "\n")
	}
	return b.String()
}

// styled gives sanitised HTML the styles of a mail, where no style sheet is sure to be read.
func (k look) styled(html string) template.HTML {
	const serif = `font-family:Newsreader,Charter,Georgia,serif;font-weight:600;`
	cell := ` class="cell" style="border:1px solid #d3ccbd;padding:5px 9px;text-align:left;vertical-align:top"`
	r := strings.NewReplacer(
		"<p>", `<p style="margin:0 0 12px">`,
		"<h1>", `<h1 class="ink" style="margin:0 0 4px;`+serif+`font-size:24px;line-height:30px">`,
		"<h2>", `<h2 style="margin:6px 0 8px;`+serif+`font-size:20px;line-height:26px">`,
		"<h3>", `<h3 style="margin:6px 0 6px;font-size:17px;line-height:24px">`,
		"<h4>", `<h4 style="margin:6px 0 6px;font-size:16px;line-height:24px">`,
		"<h6>", `<h6 class="small" style="margin:0 0 16px;font-size:13px;line-height:20px;font-weight:400;color:#626b67">`,
		"<ul>", `<ul style="margin:0 0 12px;padding:0 0 0 22px">`,
		"<ol>", `<ol style="margin:0 0 12px;padding:0 0 0 24px">`,
		"<blockquote>", `<blockquote style="margin:0 0 12px;padding:0 0 0 12px;border-left:2px solid #d3ccbd" class="cell">`,
		"<pre>", `<pre class="code" style="margin:0 0 12px;padding:10px 12px;background:#f3efe6;border-radius:6px;white-space:pre-wrap;font:14px/20px Consolas,Menlo,monospace">`,
		"<code>", `<code style="font-family:Consolas,Menlo,monospace;font-size:14px">`,
		"<table>", `<table border="0" cellpadding="0" cellspacing="0" style="border-collapse:collapse;margin:0 0 12px">`,
		"<td>", "<td"+cell+">", "<td ", "<td"+cell+" ", "<th>", "<th"+cell+">", "<th ", "<th"+cell+" ",
		"<hr>", `<hr style="border:0;border-top:1px solid #d3ccbd;margin:16px 0">`,
		"<img ", `<img style="max-width:100%;height:auto;border-radius:6px" `,
		"<a href", `<a class="lnk" style="color:`+string(k.Link)+`" href`,
	)
	return template.HTML(r.Replace(html)) // the callers sanitise
}

// words formats Markdown of our own or of an administrator, with values filled in.
func (k look) words(p Place, src string, values map[string]string) block {
	html := p.absolute(text.Markdown(fill(src, values, literal)))
	return block{HTML: k.styled(html), Text: text.FromHTML(html)}
}
