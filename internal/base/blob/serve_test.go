package blob_test

import (
	"archive/zip"
	"bytes"
	"mime"
	"net/http/httptest"
	"strings"
	"testing"

	"entraide/internal/base/blob"
)

func zipped(t *testing.T, name string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	if _, err := z.Create(name); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestSniff(t *testing.T) {
	for _, c := range []struct {
		name string
		head []byte
		want string
	}{
		{"photo.txt", []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"), "image/png"},
		{"a.pdf", []byte("%PDF-1.7\n"), "application/pdf"},
		{"a.png", []byte("<!DOCTYPE html><script>alert(1)</script>"), "text/html; charset=utf-8"},
		{"a.png", []byte(`<svg xmlns="http://www.w3.org/2000/svg" onload="x()"/>`), "image/svg+xml"},
		{"a.html", []byte("just words"), "text/plain; charset=utf-8"},
		{"a.CSV", []byte("just words"), "text/csv; charset=utf-8"},
		{"a.docx", zipped(t, "x"), "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
		{"a.csv", zipped(t, "x"), "application/zip"},
		{"a", []byte{0, 1, 2, 3, 0xfe}, "application/octet-stream"},
		{"", nil, "text/plain"},
	} {
		if got := blob.Sniff(c.name, c.head); got != c.want {
			t.Errorf("Sniff(%q, %.20q) = %q, want %q", c.name, c.head, got, c.want)
		}
	}
}

func TestSafeName(t *testing.T) {
	for in, want := range map[string]string{
		"rapport été.pdf":                 "rapport été.pdf",
		"e\u0301te\u0301.txt":             "été.txt",
		"../../etc/passwd":                "passwd",
		`C:\Users\x\plan.xlsx`:            "plan.xlsx",
		"a\r\nSet-Cookie: x.txt":          "aSet-Cookie_ x.txt",
		"facture\u202Efdp.exe":            "facturefdp.exe",
		"con.txt":                         "_con.txt",
		"LPT1":                            "_LPT1",
		"":                                "file",
		"...":                             "file",
		" .hidden ":                       ".hidden",
		"a|b?c*.txt":                      "a_b_c_.txt",
		"bad\xffutf.txt":                  "badutf.txt",
		strings.Repeat("é", 200) + ".pdf": strings.Repeat("é", 73) + ".pdf",
	} {
		if got := blob.SafeName(in); got != want {
			t.Errorf("SafeName(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzSafeName(f *testing.F) {
	f.Add("a/b\x00.txt")
	f.Add(strings.Repeat("x", 300) + ". .")
	f.Fuzz(func(t *testing.T, s string) {
		got := blob.SafeName(s)
		if got == "" || got == "." || got == ".." || len(got) > 150 || strings.ContainsAny(got, "/\\\x00\r\n") {
			t.Errorf("SafeName(%q) = %q", s, got)
		}
		w := httptest.NewRecorder()
		blob.Headers(w, s, "text/plain", false)
		if _, _, err := mime.ParseMediaType(w.Header().Get("Content-Disposition")); err != nil {
			t.Errorf("disposition of %q: %v", s, err)
		}
	})
}

func TestHeaders(t *testing.T) {
	for _, c := range []struct {
		contentType string
		inline      bool
		wantType    string
		want        string
	}{
		{"image/png", true, "image/png", "inline"},
		{"image/png", false, "image/png", "attachment"},
		{"image/svg+xml", true, "application/octet-stream", "attachment"},
		{"text/html; charset=utf-8", true, "application/octet-stream", "attachment"},
		{"application/pdf", true, "application/pdf", "attachment"},
		{"text/plain; charset=utf-8", true, "text/plain; charset=utf-8", "attachment"},
		{"nonsense\r\nX: y", true, "application/octet-stream", "attachment"},
	} {
		w := httptest.NewRecorder()
		blob.Headers(w, `été "1".png`, c.contentType, c.inline)
		h := w.Header()
		disposition, params, err := mime.ParseMediaType(h.Get("Content-Disposition"))
		if err != nil || disposition != c.want || params["filename"] != "été _1_.png" {
			t.Errorf("%s: disposition %q (%v)", c.contentType, h.Get("Content-Disposition"), err)
		}
		if h.Get("Content-Type") != c.wantType || h.Get("X-Content-Type-Options") != "nosniff" ||
			!strings.Contains(h.Get("Content-Security-Policy"), "sandbox") {
			t.Errorf("%s: headers %v", c.contentType, h)
		}
	}
	w := httptest.NewRecorder()
	blob.Headers(w, "été.txt", "text/plain", false)
	if got := w.Header().Get("Content-Disposition"); got != `attachment; filename="ete.txt"; filename*=UTF-8''%C3%A9t%C3%A9.txt` {
		t.Errorf("disposition %s", got)
	}
}
