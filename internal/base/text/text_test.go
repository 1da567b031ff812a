package text_test

import (
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"entraide/internal/base/text"
)

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"a\r\nb\rc":             "a\nb\nc",
		"a\x00\x07\u0085\tb":    "a\tb",
		"caf\xe9":               "caf\uFFFD",
		"e\u0301t\u0301":        "ét\u0301",
		"\uFEFFdébut\u2028fin":  "début\nfin",
		"bon\u00a0: « espace »": "bon\u00a0: « espace »",
	} {
		if got := text.Clean(in); got != want {
			t.Errorf("Clean(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestExcerpt(t *testing.T) {
	for _, c := range []struct {
		in   string
		n    int
		want string
	}{
		{"court", 10, "court"},
		{"deux\n\n mots", 10, "deux mots"},
		{"une imprimante en panne", 15, "une imprimante…"},
		{"une imprimante en panne", 23, "une imprimante en panne"},
		{"anticonstitutionnellement", 10, "anticonst…"},
		{"é è à ù", 4, "é è…"},
		{"x", 0, ""},
		{strings.Repeat("mot ", 5000), 9, "mot mot…"},
	} {
		got := text.Excerpt(c.in, c.n)
		if got != c.want || utf8.RuneCountInString(got) > max(c.n, 0) {
			t.Errorf("Excerpt(%.30q, %d) = %q, want %q", c.in, c.n, got, c.want)
		}
	}
}

func TestFold(t *testing.T) {
	for in, want := range map[string]string{
		"ÉCRAN cassé": "ecran casse", "Cœur, Æsop": "coeur, aesop", "Straße Łódź Ørsted": "strasse lodz orsted",
		"l’été\u00a0!": "l'ete !", "PLAIN": "plain", "ﬁchier": "fichier", "İstanbul": "istanbul", "日本": "日本",
	} {
		if got := text.Fold(in); got != want {
			t.Errorf("Fold(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestSubject(t *testing.T) {
	for in, want := range map[string]struct {
		core, ref string
		forwarded bool
	}{
		"Re: Écran noir":                     {"Écran noir", "", false},
		"RE : TR : Re[2]: Écran noir":        {"Écran noir", "", false},
		"TR: Écran noir":                     {"Écran noir", "", true},
		"Fwd: Re: Screen":                    {"Screen", "", true},
		"WG: AW: Bildschirm":                 {"Bildschirm", "", true},
		"Réf : Rép : Écran":                  {"Écran", "", false},
		"R: I: Schermo":                      {"Schermo", "", false},
		"SV: VS: ANTW: RIF: x":               {"x", "", false},
		"Re: [INC-1042] Écran noir":          {"Écran noir", "INC-1042", false},
		"[INC-1042] Re: Écran":               {"Écran", "INC-1042", false},
		"[inc-7] Fwd: Écran":                 {"Écran", "INC-7", true},
		"voir REQ-12 et [PRB-3]":             {"voir REQ-12 et", "PRB-3", false},
		"à propos de REQ-12":                 {"à propos de REQ-12", "REQ-12", false},
		"Recette : gâteau":                   {"Recette : gâteau", "", false},
		"Réseau: panne":                      {"Réseau: panne", "", false},
		"Intranet: panne":                    {"Intranet: panne", "", false},
		"Re:":                                {"", "", false},
		"SINC-1 est une marque":              {"SINC-1 est une marque", "", false},
		"[externe] Re: panne":                {"[externe] Re: panne", "", false},
		" Re:\r\n Bcc: pirate@exemple.org\n": {"Bcc: pirate@exemple.org", "", false},
	} {
		if got := text.SubjectCore(in); got != want.core {
			t.Errorf("SubjectCore(%q) = %q, want %q", in, got, want.core)
		}
		if got := text.Reference(in); got != want.ref {
			t.Errorf("Reference(%q) = %q, want %q", in, got, want.ref)
		}
		if got := text.Forwarded(in); got != want.forwarded {
			t.Errorf("Forwarded(%q) = %v", in, got)
		}
	}
}

func TestFromHTML(t *testing.T) {
	for in, want := range map[string]string{
		"<p>Un</p><p>Deux<br>trois</p>":                                                       "Un\n\nDeux\ntrois",
		"<div>a</div><div>b</div>":                                                            "a\nb",
		"<ul><li>un<li>deux<ol><li>x<li>y</ol></ul>fin":                                       "- un\n- deux\n  1. x\n  2. y\n\nfin",
		"<ol start=3><li><p>un</p></li><li><p>deux</p></li></ol>":                             "3. un\n4. deux",
		`<a href="https://x.fr/a">ici</a>, <a href="http://x.fr/">x.fr</a>`:                   "ici <https://x.fr/a>, x.fr",
		`<a href="javascript:alert(1)">non</a>`:                                               "non",
		`<a href="mailto:a@x.fr">a@x.fr</a>`:                                                  "a@x.fr",
		"<table><tr><th>Nom</th><th>Poste</th></tr><tr><td>Ann</td><td>12</td></tr></table>":  "Nom | Poste\nAnn | 12",
		"<table><tr><td><p>un</p><p>deux</p></td><td>trois</td></tr></table>":                 "un\n\ndeux\ntrois",
		"<blockquote>a<br>b<blockquote>c</blockquote></blockquote>d":                          "> a\n> b\n>\n> > c\n\nd",
		"<style>p{}</style><title>t</title><p style='display: none'>x</p>y<script>z</script>": "y",
		"<pre>a\n  b</pre>":                             "a\n  b",
		"a &amp; b&nbsp;&lt;c&gt; \n d":                 "a & b <c> d",
		"<b>gras</b>\n<i>penché</i>":                    "gras penché",
		"<!-- x --><![if !mso]>a<![endif]><o:p>b</o:p>": "ab",
		`<img alt="Capture" src="cid:1"><img alt=😊 src=http://x><img alt=Carte src=http://x>`: "😊[Carte]",
		"": "",
		strings.Repeat("<div>", 300) + "fond" + strings.Repeat("</div>", 300): "fond",
		strings.Repeat("<table><tr><td>", 300) + "fond":                       "fond",
	} {
		if got := text.FromHTML(in); got != want {
			t.Errorf("FromHTML(%.90q)\n got %q\nwant %q", in, got, want)
		}
	}
}

func TestMarkdown(t *testing.T) {
	for in, want := range map[string]string{
		"a\nb":                      "<p>a<br>\nb</p>",
		"~~a~~ **b**":               "<p><del>a</del> <strong>b</strong></p>",
		"<b>x</b>":                  "<p>&lt;b&gt;x&lt;/b&gt;</p>",
		"<script>x":                 "<p>&lt;script&gt;x</p>",
		"- [x] a":                   "<ul>\n<li><span class=\"task-done\">☑</span> a</li>\n</ul>",
		"![i](/attachments/a1)":     `<p><img src="/attachments/a1" loading="lazy" alt="i"></p>`,
		"![i](https://e.org/p.png)": `<p><a href="https://e.org/p.png" rel="noopener noreferrer nofollow" target="_blank">i</a></p>`,
		"![i](javascript:x)":        "<p><a>i</a></p>",
		"@[Zoé <b>](person:p1) ok":  `<p><span class="mention">@Zoé &lt;b&gt;</span> ok</p>`,
		"`@[Zoé](person:p1)`":       "<p><code>@[Zoé](person:p1)</code></p>",
		"```\n<i>\n```":             "<pre><code>&lt;i&gt;\n</code></pre>",
		"https://x.fr":              `<p><a href="https://x.fr" rel="noopener noreferrer nofollow" target="_blank">https://x.fr</a></p>`,
		"[a](/kb/1)":                `<p><a href="/kb/1" rel="noopener noreferrer nofollow" target="_blank">a</a></p>`,
		" \n":                       "",
	} {
		if got := text.Markdown(in); got != want {
			t.Errorf("Markdown(%q)\n got %q\nwant %q", in, got, want)
		}
	}
	if got := text.Markdown("|a|b|\n|-|:-:|\n|1|2|"); !strings.Contains(got, `<td align="center">2</td>`) {
		t.Errorf("table = %q", got)
	}
}

func TestMarkdownBounds(t *testing.T) {
	for _, unit := range []string{">", "- ", "1. ", "> - ", "[", "![", "[a](", "*a_", "a**b_", "~a~~", "`a``", "<a@", "@[", "[a]: b\n", "|x\n", "  - a\n", "\\"} {
		start := time.Now()
		text.Markdown(strings.Repeat(unit, text.MaxMarkdown/len(unit)))
		if d := time.Since(start); d > 3*time.Second {
			t.Errorf("%q repeated took %v", unit, d)
		}
	}
	if got := text.Markdown(strings.Repeat("<b>", text.MaxMarkdown)); !strings.HasPrefix(got, "<pre>&lt;b&gt;") {
		t.Errorf("an over-long text begins with %.40q", got)
	}
}

func TestMentions(t *testing.T) {
	got := text.Mentions("@[Zoé](person:p1) `@[No](person:p2)`\n> @[A B](person:p3) @[Zoé](person:p1) @[x](team:t) [y](person:p4)")
	if want := []string{"p1", "p3"}; !slices.Equal(got, want) {
		t.Errorf("Mentions = %v, want %v", got, want)
	}
}

func TestSanitise(t *testing.T) {
	rewrite := func(u string) string {
		if u == "cid:a@b" {
			return "/attachments/7"
		}
		return ""
	}
	for in, want := range map[string]string{
		`<p class=x style="color:red" id=y>a</p>`:            `<p>a</p>`,
		`<img src="cid:a@b" alt=i width=10>`:                 `<img src="/attachments/7" loading="lazy" alt="i" width="10">`,
		`<img src="cid:unknown" alt="logo">`:                 `logo`,
		`<img src="https://t.example/x.gif">`:                `<img data-src="https://t.example/x.gif" class="remote-image" alt="">`,
		`<img src="//t.example/x.gif" alt=t>`:                `t`,
		`<a href="https://x.fr" onclick=y target=_top>x</a>`: `<a href="https://x.fr" rel="noopener noreferrer nofollow" target="_blank">x</a>`,
		`<a href="cid:x">x</a><a href="//e.org">y</a>`:       `<a>x</a><a>y</a>`,
		`<b>a<i>b</b>c`:                   `<b>a<i>b</i></b>c`,
		`</div></table>a`:                 `a`,
		`<table><tr><td>a</table></div>b`: `<table><tr><td>a</td></tr></table>b`,
		`<span class="mention">@A</span><i class=mention>b</i>`: `<span class="mention">@A</span><i>b</i>`,
	} {
		if got := text.Sanitise(in, rewrite); got != want {
			t.Errorf("Sanitise(%q)\n got %q\nwant %q", in, got, want)
		}
	}
	deep := text.Sanitise(strings.Repeat("<div>", 400)+"fond"+strings.Repeat("</div>", 400)+"après", nil)
	if !strings.Contains(deep, "fond") || !strings.HasSuffix(deep, "</div>après") || strings.Count(deep, "<div>") != strings.Count(deep, "</div>") {
		t.Errorf("400 nested elements: %.200q", deep)
	}
	once := text.Sanitise(`<img src="https://t.example/x.gif"><img src="cid:a@b">`, nil)
	if again := text.Sanitise(once, rewrite); !strings.Contains(again, "data-src") || !strings.Contains(again, "/attachments/7") {
		t.Errorf("sanitised twice: %q", again)
	}
}

// injections is HTML that tries to act. Nothing of it may survive but text.
var injections = []string{
	`<script>alert(1)</script>`, `<SCRIPT SRC=//e.org/x.js></SCRIPT>`, `<scr<script>ipt>alert(1)</scr</script>ipt>`, `<script/x>alert(1)</script>`,
	`<img src=x onerror=alert(1)>`, `<img src="x" onerror="alert(1)"`, `<img/src=x/onerror=alert(1)>`, `<IMG """><SCRIPT>alert(1)</SCRIPT>">`,
	`<body onload=alert(1)>`, `<div onmouseover="alert(1)">x</div>`, `<p/onclick=alert(1)>x`, `<a href="javascript:alert(1)">x</a>`,
	`<a href=" java&#10;script:alert(1)">x</a>`, `<a href="jav&#x09;ascript:alert(1)">x</a>`, `<a href="&#106;avascript:alert(1)">x</a>`, `<a href="JaVaScRiPt:alert(1)">x</a>`,
	`<a href="data:text/html,<script>alert(1)</script>">x</a>`, `<a href="vbscript:msgbox(1)">x</a>`, `<img src="javascript:alert(1)">`, `<img src="data:image/svg+xml;base64,PHN2Zz4=">`,
	`<svg onload=alert(1)>`, `<svg><script>alert(1)</script></svg>`, `<svg><animate onbegin=alert(1)></svg>`, `<svg><a xlink:href="javascript:alert(1)"><text>x</text></a></svg>`,
	`<math><mtext><table><mglyph><style><img src=x onerror=alert(1)></style></table></mtext></math>`, `<math><mi//xlink:href="data:x,<script>alert(1)</script>">`,
	`<noscript><p title="</noscript><img src=x onerror=alert(1)>">`, `<style><img src="</style><img src=x onerror=alert(1)//">`, `<title><img title="</title><img src=x onerror=alert(1)>">`,
	`<textarea><img title="</textarea><img src=x onerror=alert(1)>"></textarea>`, `<xmp><img title="</xmp><img src=x onerror=alert(1)>">`, `<template><script>alert(1)</script></template>`,
	`<style>@import url(//e.org)</style>`, `<div style="background:url(javascript:alert(1))">x</div>`, `<div style="position:fixed;top:0;width:expression(alert(1))">x</div>`, `<link rel=stylesheet href=//e.org>`,
	`<form action=//e.org><input name=p type=password><button formaction=javascript:alert(1)>x</button></form>`, `<isindex action=javascript:alert(1)>`, `<select><option>a</select>`,
	`<meta http-equiv=refresh content="0;url=//e.org">`, `<base href="//e.org/">`, `<iframe src=javascript:alert(1)></iframe>`, `<iframe srcdoc="<script>alert(1)</script>">`,
	`<object data=javascript:alert(1)>`, `<embed src=//e.org/x.swf>`, `<applet code=x>`, `<frameset><frame src=javascript:alert(1)></frameset>`,
	`<img srcset="//e.org/x 1x" src=cid:a>`, `<picture><source srcset=//e.org/x></picture>`, `<video poster=//e.org/x><source src=x onerror=alert(1)></video>`, `<audio src=x onerror=alert(1)>`,
	`<input autofocus onfocus=alert(1)>`, `<details open ontoggle=alert(1)>x</details>`, `<marquee onstart=alert(1)>x</marquee>`, `<table background="javascript:alert(1)"><tr><td background=//e.org>x</td></tr></table>`,
	`<!--[if gte IE 4]><script>alert(1)</script><![endif]-->`, `<!--><img src=x onerror=alert(1)>-->`, `<![CDATA[<script>alert(1)</script>]]>`, `<?xml version="1.0"?><x onclick=alert(1)>`,
	"<img src=x\x00 onerror=alert(1)>", "<scr\x00ipt>alert(1)</script>", "<a href=\"java\x00script:alert(1)\">x</a>", `<p id=csrf name=x class="btn modal">x</p>`, `<a href="x" ping="//e.org">x</a>`,
	`<img src=x:x onerror&#61;alert(1)>`, `&lt;script&gt;alert(1)&lt;/script&gt;`, `<a title="&quot;><script>alert(1)</script>" href="https://x.fr">x</a>`,
	`<portal src=//e.org>`, `<dialog open>x</dialog>`, `<slot onslotchange=alert(1)>`, `<a href="https://x.fr" style="position:fixed">x</a>`, `<div hx-get="/x" hx-trigger="load">x</div>`, `<div data-hx-get=/x data-x=y>x</div>`,
}

func TestSanitiseInjections(t *testing.T) {
	for _, in := range injections {
		for _, wrapped := range []string{in, "<p>avant " + in + " après</p>", strings.ToUpper(in)} {
			harmless(t, wrapped, text.Sanitise(wrapped, nil))
			harmless(t, wrapped, text.Markdown(wrapped))
			harmless(t, wrapped, text.Markdown("[x]("+wrapped+")\n\n![y](<"+wrapped+">)\n\n@["+wrapped+"](person:x)"))
		}
	}
}

func FuzzSanitise(f *testing.F) {
	for _, s := range injections {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		asked := allocated(s)
		out := text.Sanitise(s, nil)
		harmless(t, s, out)
		if again := text.Sanitise(out, nil); text.FromHTML(again) != text.FromHTML(out) {
			t.Errorf("sanitising twice differs: %q then %q", out, again)
		}
		mail, blocked := text.SanitiseMail(s, nil)
		harmless(t, s, mail)
		if n := strings.Count(mail, `class="remote-image"`); n != blocked.Images {
			t.Errorf("%d remote images counted, %d in %q", blocked.Images, n, mail)
		}
		if shown := text.ShowRemote(mail, func(string) string { return "/proxy" }); strings.Contains(shown, "data-src=") {
			t.Errorf("images still blocked in %q", shown)
		}
		if n := asked(); n > 600*uint64(len(s))+1<<20 {
			t.Errorf("%d bytes of memory for %d", n, len(s))
		}
		harmless(t, s, text.Markdown(s))
		text.Mentions(s)
	})
}

func FuzzClean(f *testing.F) {
	f.Add("é\x00\xff\r\n")
	f.Fuzz(func(t *testing.T, s string) {
		c := text.Clean(s)
		if !utf8.ValidString(c) || !norm.NFC.IsNormalString(c) || strings.ContainsAny(c, "\x00\r") {
			t.Errorf("Clean(%q) = %q", s, c)
		}
		if strings.ContainsAny(text.Line(s), "\n\r\t") || !utf8.ValidString(text.Fold(s)) {
			t.Errorf("Line or Fold of %q", s)
		}
		text.SubjectCore(s)
	})
}

func BenchmarkSanitise(b *testing.B) {
	s := strings.Repeat(`<div class="MsoNormal" style="margin:0"><p><span style="font-size:11pt">Bonjour, <b>voici</b> <a href="https://exemple.fr/x?a=1&amp;b=2">le lien</a></span></p></div>`, 100)
	b.SetBytes(int64(len(s)))
	for b.Loop() {
		text.Sanitise(s, nil)
	}
}

func BenchmarkMarkdown(b *testing.B) {
	s := strings.Repeat("Bonjour, **voici** le [lien](https://exemple.fr)\n- un\n- deux\n\n", 50)
	b.SetBytes(int64(len(s)))
	for b.Loop() {
		text.Markdown(s)
	}
}

func BenchmarkFromHTML(b *testing.B) {
	s := strings.Repeat(`<div><p>Bonjour, <b>voici</b> <a href="https://exemple.fr/x">le lien</a></p><ul><li>un</li></ul></div>`, 100)
	b.SetBytes(int64(len(s)))
	for b.Loop() {
		text.FromHTML(s)
	}
}
