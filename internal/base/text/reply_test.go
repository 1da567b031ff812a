package text_test

import (
	"runtime"
	"strings"
	"testing"
	"unicode"

	"entraide/internal/base/text"
)

func TestStripReply(t *testing.T) {
	for name, c := range map[string]struct{ in, want string }{
		"nothing quoted":            {"Bonjour,\n\nMon écran est noir.", "Bonjour,\n\nMon écran est noir."},
		"gmail fr":                  {"Merci, ça marche.\n\nLe jeu. 12 mars 2026 à 10:05, Support <support@exemple.fr> a écrit :\n\n> Avez-vous redémarré ?\n>\n> Paul", "Merci, ça marche."},
		"gmail fr wrapped on 3":     {"Oui.\n\nLe jeu. 12 mars 2026\nà 10:05, Support informatique de la région\n<support@exemple.fr> a écrit :\n> Avez-vous redémarré ?", "Oui."},
		"nbsp before the colon":     {"Oui.\n\nLe\u00a012\u00a0mars 2026 à 10:05, Support <s@x.fr> a\u00a0écrit\u202f:\n\n> question", "Oui."},
		"gmail en":                  {"Works now, thanks.\n\nOn Thu, Mar 12, 2026 at 10:05 AM Support <support@example.org> wrote:\n\n> Did you restart?\n", "Works now, thanks."},
		"apple mail en":             {"Yes.\n\n> On 12 Mar 2026, at 10:05, Support <s@x.org> wrote:\n> \n> Did you?\n", "Yes."},
		"apple mail fr, unprefixed": {"Oui.\n\nLe 12 mars 2026 à 10:05, Support <s@x.fr> a écrit :\n\nAvez-vous redémarré ?\n\nPaul", "Oui."},
		"thunderbird fr, below":     {"Le 12/03/2026 à 10:05, Support a écrit :\n> Avez-vous redémarré ?\n> Paul\n\nOui, deux fois.", "Oui, deux fois."},
		"thunderbird inline":        {"Le 12/03/2026 à 10:05, Support a écrit :\n> Avez-vous redémarré ?\nOui.\n\n> Et le câble ?\nIl est branché.", "> Avez-vous redémarré ?\nOui.\n\n> Et le câble ?\nIl est branché."},
		"outlook fr":                {"Toujours en panne.\n\nDe : Support <s@x.fr>\nEnvoyé : jeudi 12 mars 2026 10:05\nÀ : Ann Le Gall <ann@x.fr>\nObjet : RE: Écran\n\nBonjour", "Toujours en panne."},
		"outlook en, bold":          {"Still broken.\n\n*From:* Support <s@x.org>\n*Sent:* Thursday, March 12, 2026 10:05 AM\n*To:* Ann\n*Subject:* RE: Screen\n\nHello", "Still broken."},
		"outlook de":                {"Geht wieder.\n\nVon: Support <s@x.de>\nGesendet: Donnerstag, 12. März 2026 10:05\nAn: Ann\nBetreff: AW: Bildschirm\n\nHallo", "Geht wieder."},
		"outlook web rule":          {"Oui\n\n________________________________\nDe : Support <s@x.fr>\nEnvoyé : jeudi 12 mars 2026 10:05\nÀ : Ann\nObjet : RE: Écran\n\nBonjour", "Oui"},
		"outlook 2003 fr":           {"Oui\n\n-----Message d'origine-----\nDe : Support\nEnvoyé : jeudi\n\nBonjour", "Oui"},
		"curly apostrophe":          {"Oui\n\n-----Message d’origine-----\nDe : Support\n\nBonjour", "Oui"},
		"original message":          {"Yes\n\n-----Original Message-----\nFrom: Support\n\nHello", "Yes"},
		"outlook mobile":            {"Ok pour moi\n\nObtenez Outlook pour iOS<https://aka.ms/o0ukef>\n________________________________\nDe: Support <s@x.fr>\nEnvoyé: jeudi\nÀ: Ann\nObjet: x\n\nBonjour", "Ok pour moi"},
		"lotus notes":               {"Bien reçu.\n\n\n\nDe :        Support/SI/Exemple\nPour :      Ann Le Gall/RH/Exemple@Exemple\nDate :      12/03/2026 10:05\nObjet :     Re: Écran\n\n\nBonjour", "Bien reçu."},
		"lotus dashes":              {"Bien reçu.\n\n-----Support <s@x.fr> a écrit : -----\nA : ann@x.fr\nDe : Support\n\nBonjour", "Bien reçu."},
		"zimbra fr":                 {"Merci !\n\n----- Mail original -----\nDe: \"Support\" <s@x.fr>\nÀ: \"Ann\" <ann@x.fr>\nEnvoyé: Jeudi 12 Mars 2026 10:05:00\nObjet: Écran\n\nBonjour", "Merci !"},
		"orange webmail":            {"Merci\n\n\n> Message du 12/03/26 10:05\n> De : \"Support\" <s@x.fr>\n> A : \"Ann\" <ann@orange.fr>\n> Copie à :\n> Objet : Écran\n>\n> Bonjour", "Merci"},
		"our own line":              {"Voici.\n\nSupport a répondu le 12 mars :\n— Répondez au-dessus de cette ligne —\n\nBonjour", "Voici.\n\nSupport a répondu le 12 mars :"},
		"our own line, quoted":      {"Here.\n\nOn 12 Mar 2026, Support wrote:\n> — Reply above this line —\n>\n> Hello", "Here."},
		"own line, answer below":    {"Le 12 mars 2026, Support a écrit :\n> — Répondez au-dessus de cette ligne —\n> Bonjour\n\nMa réponse est ici.", "Ma réponse est ici."},
		"dash signature":            {"Il manque un câble.\n\n-- \nAnn Le Gall\nRH\n01 23 45 67 89", "Il manque un câble."},
		"signature above the quote": {"Il manque un câble.\n\n-- \nAnn\n\nLe 12/03/2026 à 10:05, Support a écrit :\n> Quoi ?", "Il manque un câble."},
		"a rule is no signature":    {"Avant\n--\nJe vous explique ce qui ne va pas avec mon poste, et je suis pressé.", "Avant\n--\nJe vous explique ce qui ne va pas avec mon poste, et je suis pressé."},
		"iphone fr":                 {"Ça marche\n\nEnvoyé de mon iPhone", "Ça marche"},
		"iphone en, quote below":    {"Works\n\nSent from my iPhone\n\n> On 12 Mar 2026, at 10:05, Support <s@x.org> wrote:\n> Hi", "Works"},
		"closing with contact":      {"Le badge est refusé.\n\nCordialement,\nAnn Le Gall\nResponsable paie\nTél. : 01 23 45 67 89\nwww.exemple.fr", "Le badge est refusé."},
		"closing without contact":   {"Le badge est refusé.\n\nCordialement,\nAnn", "Le badge est refusé.\n\nCordialement,\nAnn"},
		"closing, then a request":   {"Bonjour,\nCordialement,\nAnn\nVous pouvez me joindre au 01 23 45 67 89", "Bonjour,\nCordialement,\nAnn\nVous pouvez me joindre au 01 23 45 67 89"},
		"postscript":                {"Voici.\n\nCordialement,\nAnn\n01 23 45 67 89\nPS : le code est 4312", "Voici.\n\nCordialement,\nAnn\n01 23 45 67 89\nPS : le code est 4312"},
		"legal notice":              {"Voici.\n\nCe message et ses pièces jointes sont confidentiels.\nSi vous n’êtes pas le destinataire, détruisez-le.", "Voici."},
		"only a quote stays":        {"> Bonjour\n> Paul", "> Bonjour\n> Paul"},
		"only a signature stays":    {"-- \nAnn", "-- \nAnn"},
		"one prompt line stays":     {"Voici ce que je tape :\n> ipconfig /all\net rien ne se passe", "Voici ce que je tape :\n> ipconfig /all\net rien ne se passe"},
		"a sentence with wrote":     {"Le directeur a écrit :\nil faut réparer", "Le directeur a écrit :\nil faut réparer"},
		"from in a sentence":        {"De : où vient le bruit ?\nDu ventilateur.", "De : où vient le bruit ?\nDu ventilateur."},
		"empty":                     {" \n\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, _ := text.StripReply(c.in)
			if got != c.want {
				t.Errorf("reply = %q\nwant    %q", got, c.want)
			}
			if again, _ := text.StripReply(strings.ReplaceAll(c.in, "\n", "\r\n")); again != c.want {
				t.Errorf("with CRLF: reply = %q, want %q", again, c.want)
			}
		})
	}
}

func TestStripReplyQuoted(t *testing.T) {
	reply, quoted := text.StripReply("Oui.\n\nLe 12/03/2026 à 10:05, Support a écrit :\n> Quoi ?\n\nEt non.\n-- \nAnn")
	if reply != "Oui.\n\nEt non." || !strings.Contains(quoted, "> Quoi ?") || !strings.Contains(quoted, "a écrit") || !strings.Contains(quoted, "Ann") {
		t.Errorf("reply %q, quoted %q", reply, quoted)
	}
}

func TestStripReplyHTML(t *testing.T) {
	for name, c := range map[string]struct{ in, want, not string }{
		"gmail":                              {`<div dir="ltr">Oui merci</div><br><div class="gmail_quote"><div dir="ltr" class="gmail_attr">Le 12 mars 2026 à 10:05, S &lt;<a href="mailto:s@x.fr">s@x.fr</a>&gt; a écrit :<br></div><blockquote class="gmail_quote">Question</blockquote></div>`, "Oui merci", "Question"},
		"gmail forward":                      {`<div>Voir</div><div class="gmail_quote"><div class="gmail_attr">---------- Forwarded message ---------<br>De : Ann</div>Le fond</div>`, "Le fond", "\x00"},
		"gmail below":                        {`<div class="gmail_quote">Q<div>w</div></div><div>dessous</div>`, "dessous", "Q"},
		"apple":                              {`<div>Oui</div><div><br><blockquote type="cite"><div>Le 12 mars 2026 à 10:05, S &lt;s@x.fr&gt; a écrit :</div>Question</blockquote></div>`, "Oui", "Question"},
		"thunderbird":                        {`<div class="moz-cite-prefix">Le 12/03/2026 à 10:05, S a écrit :<br></div><blockquote type="cite" cite="mid:x">Question ?</blockquote><p>Réponse</p><blockquote type="cite">Deux ?</blockquote><p>Aussi</p>`, "> Question ?\n\nRéponse\n\n> Deux ?\n\nAussi", "a écrit"},
		"outlook web":                        {`<div>Oui</div><div id="appendonsend"></div><hr><div id="divRplyFwdMsg" dir="ltr"><b>De :</b> S<br></div><div>Question</div>`, "Oui", "Question"},
		"outlook desktop":                    {`<p class="MsoNormal">Oui</p><div><div style="border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm 0cm"><p><b>De :</b> S &lt;s@x.fr&gt;<br><b>Envoyé :</b> jeudi 12 mars 2026 10:05<br><b>À :</b> Ann<br><b>Objet :</b> RE</p></div></div><p>Question</p>`, "Oui", "Question"},
		"yahoo":                              {`<div>Oui</div><div id="yahoo_quoted_12" class="yahoo_quoted">Question</div>`, "Oui", "Question"},
		"zimbra":                             {`<div>Oui<br><hr id="zwchr" data-marker="__DIVIDER__"><div data-marker="__HEADERS__">De: S</div><div data-marker="__QUOTED_TEXT__">Question</div></div>`, "Oui", "Question"},
		"plain blockquote with a line above": {`<p>Oui</p><p>Le 12 mars 2026 à 10:05, S &lt;s@x.fr&gt; a écrit :</p><blockquote>Question</blockquote>`, "Oui", "Question"},
		"a quotation of one's own":           {`<p>Le manuel dit</p><blockquote>Appuyez</blockquote><p>mais non</p>`, "> Appuyez", "\x00"},
		"own line":                           {`<p>Oui</p><div>— Répondez au-dessus de cette ligne —</div><p>Question</p>`, "Oui", "Question"},
		"gmail signature":                    {`<div>Oui</div><div class="gmail_signature">Ann<div>RH</div></div>`, "Oui", "RH"},
		"only a quote":                       {`<blockquote type="cite">Question</blockquote>`, "Question", "\x00"},
	} {
		t.Run(name, func(t *testing.T) {
			reply, _ := text.StripReplyHTML(c.in)
			got := text.FromHTML(reply)
			if !strings.Contains(got, c.want) || strings.Contains(got, c.not) {
				t.Errorf("reply = %q, want %q in it and not %q", got, c.want, c.not)
			}
		})
	}
}

// FuzzReply separates anything: nothing is lost, nothing is left empty, and the memory asked for grows with the input.
func FuzzReply(f *testing.F) {
	for _, s := range []string{"a\n> b\nc", "Le 12 mars 2026 à 10:05, X <x@y> a écrit :\n> b", "-- \nx", "De : x\nÀ : y\nObjet : z", "<div class=gmail_quote>", "\x00\xff> \r",
		"> a\nb\n> c\nd", "---------- Forwarded message ----------\nDe : x", "<blockquote type=cite>a</blockquote>b<blockquote type=cite>c</blockquote>d",
		"<p>x</p><p>De : a@b<br>Objet : c<br>Date : d</p>e", "<div id=divRplyFwdMsg>x", "x<div style='display:none'>y", "Attention : mail externe\n\nx", ">>> x 1 >>>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		asked := allocated(s)
		reply, quoted := text.StripReply(s)
		clean := text.Clean(s)
		if strings.TrimSpace(reply) == "" && strings.TrimSpace(clean) != "" {
			t.Errorf("nothing left of %q", s)
		}
		if has, had := letters(reply)+letters(quoted), letters(clean); has != had {
			t.Errorf("reply %q and quoted %q hold %d letters of %d in %q", reply, quoted, has, had, s)
		}
		r, q := text.StripReplyHTML(s)
		if len(r)+len(q) != len(s) {
			t.Errorf("reply and quoted hold %d bytes of %d", len(r)+len(q), len(s))
		}
		text.FromHTML(r)
		if n := asked(); n > 400*uint64(len(s))+1<<20 {
			t.Errorf("%d bytes of memory for %d", n, len(s))
		}
	})
}

// letters counts what a reader reads.
func letters(s string) (n int) {
	for _, r := range s {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			n++
		}
	}
	return n
}

// allocated returns a function that tells how much memory was asked for since; 0 for short inputs, where it would only
// slow fuzzing down.
func allocated(s string) func() uint64 {
	if len(s) < 2000 {
		return func() uint64 { return 0 }
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	return func() uint64 {
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
}

func BenchmarkStripReply(b *testing.B) {
	s := "Bonjour,\n\nMerci pour votre aide, l’écran fonctionne.\n\nLe 12/03/2026 à 10:05, Support a écrit :\n" + strings.Repeat("> Avez-vous redémarré le poste ce matin, comme nous en avions parlé ?\n", 100)
	b.SetBytes(int64(len(s)))
	for b.Loop() {
		text.StripReply(s)
	}
}
