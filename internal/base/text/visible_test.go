package text_test

import (
	"strings"
	"testing"

	"entraide/internal/base/text"
)

func TestSanitiseMail(t *testing.T) {
	for name, c := range map[string]struct {
		in, want         string
		images, trackers int
	}{
		"nothing to hide":        {`<p>Bonjour</p>`, `<p>Bonjour</p>`, 0, 0},
		"a blocked image":        {`<img src="https://x.example/a.png" alt="a">`, `<img data-src="https://x.example/a.png" class="remote-image" alt="a">`, 1, 0},
		"an attached image":      {`<img src="CID:a@x" width="1" height="1">`, `<img src="cid:a@x" loading="lazy" alt="" width="1" height="1">`, 0, 0},
		"a pixel":                {`a<img src="https://x.example/o" width=1 height=1>b`, `ab`, 0, 1},
		"a pixel by style":       {`a<img src="https://x.example/o" style="width:1px !important;HEIGHT: 0">b`, `ab`, 0, 1},
		"a line is no pixel":     {`<img src="https://x.example/o" width=600 height=1>`, `<img data-src="https://x.example/o" class="remote-image" alt="" width="600" height="1">`, 1, 0},
		"hidden inside hidden":   {`a<div style="display:none">b<div>c</div>d</div>e`, `ae`, 0, 0},
		"hidden and not closed":  {`a<div style="display:none">b<div>c</div>d`, `a<div>b<div>c</div>d</div>`, 0, 0},
		"another style":          {`<div style="display:block;font-size:10px">a</div>`, `<div>a</div>`, 0, 0},
		"a body that says so":    {`<body style="display:none">a</body>`, `a`, 0, 0},
		"several ways to hide":   {`<i style="visibility:hidden">a</i><b hidden>b</b><u style="mso-hide:all">c</u><s style="opacity:0">d</s>e`, `e`, 0, 0},
		"a pixel beside a hider": {`<div style="display:none"><img src="https://x.example/o"></div><img src="//x.example/p" height=0>a`, `a`, 0, 1},
	} {
		got, blocked := text.SanitiseMail(c.in, nil)
		if got != c.want || blocked.Images != c.images || blocked.Trackers != c.trackers {
			t.Errorf("%s: %q, %+v\nwant %q, %d, %d", name, got, blocked, c.want, c.images, c.trackers)
		}
	}
}

func TestShowRemote(t *testing.T) {
	blocked := text.Sanitise(`<p>a<img src="https://x.example/a.png"><img src="cid:b@x"></p>`, nil)
	got := text.ShowRemote(blocked, func(url string) string { return "/remote?u=" + strings.TrimPrefix(url, "https://") })
	if !strings.Contains(got, `src="/remote?u=x.example/a.png"`) || !strings.Contains(got, `src="cid:b@x"`) || strings.Contains(got, "data-src") {
		t.Errorf("through a proxy: %q", got)
	}
	if got := text.ShowRemote(blocked, nil); !strings.Contains(got, ` src="https://x.example/a.png"`) {
		t.Errorf("from the sender: %q", got)
	}
	if got := text.ShowRemote(blocked, func(string) string { return "" }); got != blocked {
		t.Errorf("still blocked: %q, want %q", got, blocked)
	}
}
