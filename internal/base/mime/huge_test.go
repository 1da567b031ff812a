package mime_test

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"entraide/internal/base/mime"
)

// huge are nasty messages too large to keep as files.
var huge = []struct {
	name  string
	build func() string
	check func(m mime.Message) bool
}{
	{"a mail of 100 MB is cut at the limit", func() string {
		return head("application/octet-stream; name=big.iso", "base64") + strings.Repeat(strings.Repeat("QUJD", 19)+"\r\n", 100<<20/78)
	}, func(m mime.Message) bool {
		return len(m.Attachments) == 1 && m.Attachments[0].Size > 45<<20 && told(m, "message: longer than")
	}},
	{"10,000 parts beside each other", func() string {
		return head("multipart/mixed; boundary=b", "") + strings.Repeat("--b\r\nContent-Type: application/pdf; name=a.pdf\r\n\r\nx\r\n", 10000) + "--b--\r\n"
	}, func(m mime.Message) bool {
		last := m.Attachments[len(m.Attachments)-1]
		return len(m.Attachments) == 1000 && last.Name == "more-parts.txt" && last.Size > 9000 && told(m, "parts: more than 1000")
	}},
	{"10,000 parts inside each other", func() string {
		var b strings.Builder
		for i := range 10000 {
			fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i)
		}
		return "Subject: x\r\nFrom: a@b.fr\r\n" + b.String() + "Content-Type: text/plain\r\n\r\nAu fond\r\n"
	}, func(m mime.Message) bool {
		return len(m.Attachments) == 1 && bytes.Contains(m.Attachments[0].Data, []byte("Au fond")) && told(m, "parts: nested deeper than 16")
	}},
	{"10,000 mails inside each other", func() string {
		return "Subject: x\r\nFrom: a@b.fr\r\n" + strings.Repeat("Content-Type: message/rfc822\r\n\r\n", 10000) + "\r\nAu fond\r\n"
	}, func(m mime.Message) bool { return len(m.Attachments) == 1 }},
	{"a header of 1 MB in one field", func() string {
		return "X-Long: " + strings.Repeat("a", 1<<20) + "\r\n" + head("text/plain", "") + "Bonjour\r\n"
	}, func(m mime.Message) bool { return m.Subject == "Panne" && m.Text == "Bonjour" }},
	{"a header of 1 MB in one folded field", func() string {
		return "X-Long: a\r\n" + strings.Repeat(" "+strings.Repeat("a", 70)+"\r\n", 14000) + head("text/plain", "") + "Bonjour\r\n"
	}, func(m mime.Message) bool {
		return m.Subject == "Panne" && m.Text == "Bonjour" && told(m, "header: field x-long too long")
	}},
	{"100,000 recipients", func() string {
		return "To: " + strings.Repeat("=?utf-8?Q?=C3=A9?= <a@b.fr>,\r\n ", 100000) + "z@b.fr\r\n" + head("text/plain", "") + "Bonjour\r\n"
	}, func(m mime.Message) bool { return m.Subject == "Panne" && len(m.To) > 0 && len(m.To) <= 500 }},
	{"250 nested divs", func() string {
		return head("text/html", "") + strings.Repeat("<div>", 250) + "Bonjour" + strings.Repeat("</div>", 250)
	}, func(m mime.Message) bool { return m.Text == "Bonjour" && strings.Contains(m.HTML, "Bonjour") }},
	{"80,000 nested divs, never closed", func() string {
		return head("text/html", "") + strings.Repeat("<div style='color:red'>", 80000) + "Bonjour"
	}, func(m mime.Message) bool {
		return m.Text == "Bonjour" && strings.Contains(m.HTML, "Bonjour") && strings.Count(m.HTML, "<div") <= 64
	}},
	{"a picture of 8 MB written into the HTML", func() string {
		return head("text/html", "") + "<p>Voir <img src=\"data:image/png;base64," + strings.Repeat("QUJD", 2<<20) + "\"> ici</p>"
	}, func(m mime.Message) bool {
		return m.Text == "Voir ici" && len(m.Attachments) == 1 && m.Attachments[0].Size == 6<<20 && m.Attachments[0].Inline
	}},
	{"100,000 pictures in the HTML that never end", func() string {
		return head("text/html", "") + strings.Repeat(`<img src="data:image/png;base64,QUJD`, 60000)
	}, func(m mime.Message) bool { return len(m.Attachments) == 0 }},
	{"a file name of 3,000 characters", func() string {
		return head("application/pdf; name=\""+strings.Repeat("é", 3000)+".pdf\"", "") + "x"
	}, func(m mime.Message) bool {
		a := m.Attachments[0]
		return len(a.Name) <= 200 && strings.HasSuffix(a.Name, ".pdf")
	}},
	{"a calendar that repeats for ever, of 200,000 lines", func() string {
		return head("text/calendar", "") + "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:Bombe\r\nDTSTART:20260312T100000Z\r\nRRULE:FREQ=SECONDLY;COUNT=1000000000\r\n" +
			strings.Repeat("EXDATE:20260312T100000Z\r\n", 200000) + "END:VEVENT\r\nEND:VCALENDAR\r\n"
	}, func(m mime.Message) bool { return m.Calendar != nil && m.Calendar.Summary == "Bombe" }},
	{"a winmail.dat of nothing but beginnings", func() string {
		return head("application/ms-tnef; name=winmail.dat", "binary") + "\x78\x9f\x3e\x22\x01\x00" + strings.Repeat("\x02\x02\x90\x06\x00\x00\x00\x00\x00\x00\x00", 200000)
	}, func(m mime.Message) bool { return len(m.Attachments) == 1 }},
	{"a history of 2 MB", func() string {
		return head("text/plain", "") + "Oui.\r\n\r\nLe 12/03/2026 à 10:05, Support a écrit :\r\n" + strings.Repeat("> encore une ligne\r\n", 100000)
	}, func(m mime.Message) bool { return m.ReplyText == "Oui." }},
	{"100,000 results of a receiver", func() string {
		return "Authentication-Results: mx.exemple.fr" + strings.Repeat("; dkim=fail", 5000) + "\r\n" + strings.Repeat("Authentication-Results: mx.exemple.fr; spf=pass\r\n", 1900) + head("text/plain", "") + "x"
	}, func(m mime.Message) bool { return m.Auth != nil && m.Auth.SPF == "pass" }},
	{"a delivery status of 100,000 recipients", func() string {
		return head("multipart/report; report-type=delivery-status; boundary=b", "") + "--b\r\nContent-Type: message/delivery-status\r\n\r\n" +
			strings.Repeat("Final-Recipient: rfc822; a@b.fr\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n", 100000) + "--b--\r\n"
	}, func(m mime.Message) bool { return m.Bounce != nil && len(m.Bounces) <= 100 }},
	{"uuencode that begins 50,000 times", func() string {
		return head("text/plain", "") + strings.Repeat("begin 644 a\r\nM"+strings.Repeat("A", 60)+"\r\n", 50000)
	}, func(m mime.Message) bool { return strings.Contains(m.Text, "begin 644 a") }},
}

func head(kind, encoding string) string {
	return "From: Ann <ann@exemple.fr>\r\nSubject: Panne\r\nMessage-ID: <x@y>\r\nDate: Thu, 12 Mar 2026 10:05:00 +0100\r\nContent-Type: " + kind + "\r\nContent-Transfer-Encoding: " + encoding + "\r\n\r\n"
}

func told(m mime.Message, problem string) bool {
	for _, p := range m.Problems {
		if strings.Contains(p, problem) {
			return true
		}
	}
	return false
}

// TestHuge also holds each message to 50 ms per 100 KB, with a second for machines that are busy.
func TestHuge(t *testing.T) {
	for _, c := range huge {
		t.Run(c.name, func(t *testing.T) {
			raw := c.build()
			start := time.Now()
			m, err := nastyParser.Parse(strings.NewReader(raw))
			took := time.Since(start)
			if err != nil {
				t.Fatal(err)
			}
			sound(t, m)
			if !c.check(m) {
				t.Errorf("subject %q, %d bytes of text, %d attachments, problems %q", m.Subject, len(m.Text), len(m.Attachments), m.Problems)
			}
			if limit := time.Second + time.Duration(len(raw))*500; took > limit {
				t.Errorf("%d bytes took %v, at most %v", len(raw), took, limit)
			}
		})
	}
}

// big is a mail of 25 MB: a reply in text and HTML, and a file.
func big() string {
	return head("multipart/mixed; boundary=b", "") + "--b\r\nContent-Type: multipart/alternative; boundary=c\r\n\r\n--c\r\nContent-Type: text/plain\r\n\r\nBonjour\r\n--c\r\nContent-Type: text/html\r\n\r\n<p>Bonjour</p>\r\n--c--\r\n" +
		"--b\r\nContent-Type: application/pdf; name=a.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n" + strings.Repeat(strings.Repeat("QUJD", 19)+"\r\n", 25<<20/78) + "--b--\r\n"
}

// TestMemory holds a mail of 25 MB to three times its size in all memory asked for while reading it, also from a reader
// that does not tell its length.
func TestMemory(t *testing.T) {
	raw := big()
	for name, r := range map[string]func() io.Reader{
		"length known":   func() io.Reader { return strings.NewReader(raw) },
		"length unknown": func() io.Reader { return io.MultiReader(strings.NewReader(raw)) },
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		m, err := mime.Parse(r(), 0)
		runtime.ReadMemStats(&after)
		if err != nil || len(m.Attachments) != 1 {
			t.Fatal(err)
		}
		if used := float64(after.TotalAlloc-before.TotalAlloc) / float64(len(raw)); used > 3 {
			t.Errorf("%s: %.2f times the size", name, used)
		}
	}
}

// BenchmarkParseBig reports the memory asked for as a multiple of the mail.
func BenchmarkParseBig(b *testing.B) {
	raw := big()
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	n := 0
	for b.Loop() {
		if _, err := mime.Parse(io.MultiReader(strings.NewReader(raw)), 0); err != nil {
			b.Fatal(err)
		}
		n++
	}
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/float64(n)/float64(len(raw)), "times-its-size")
}
