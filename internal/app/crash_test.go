package app_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"mime/multipart"
	"net"
	"net/http"
	"net/mail"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
)

// mailbox is a mail server that remembers the Message-IDs it accepted.
type mailbox struct {
	mu  sync.Mutex
	got map[string]int // times by recipient and Message-ID
}

func (m *mailbox) NewSession(*smtp.Conn) (smtp.Session, error) { return &delivery{box: m}, nil }

type delivery struct {
	box *mailbox
	to  string
}

func (d *delivery) Reset()                                    {}
func (d *delivery) Logout() error                             { return nil }
func (d *delivery) Mail(string, *smtp.MailOptions) error      { return nil }
func (d *delivery) Rcpt(to string, _ *smtp.RcptOptions) error { d.to = to; return nil }

func (d *delivery) Data(r io.Reader) error {
	m, err := mail.ReadMessage(r)
	if err != nil {
		return err
	}
	id := m.Header.Get("Message-Id")
	d.box.mu.Lock()
	defer d.box.mu.Unlock()
	d.box.got[d.to+" "+id]++
	return nil
}

// startMailbox starts a mail server and returns the settings that send to it.
func startMailbox(t *testing.T) (*mailbox, []string) {
	t.Helper()
	box := &mailbox{got: make(map[string]int)}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := smtp.NewServer(box)
	server.Domain, server.AllowInsecureAuth = "localhost", true
	go func() { _ = server.Serve(l) }() // ends with Close
	t.Cleanup(func() { _ = server.Close() })
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return box, []string{"LANG=en_GB.UTF-8", "ENTRAIDE_SMTP_HOST=127.0.0.1", "ENTRAIDE_SMTP_PORT=" + port, "ENTRAIDE_SMTP_TLS=none", "ENTRAIDE_SMTP_FROM=aide@exemple.test",
		"ENTRAIDE_SMTP_DOUBT=2s"} // a kill in the middle of a mail leaves its fate unknown
}

// build makes the real binary.
func build(t *testing.T, bin string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", bin, "entraide/cmd/entraide").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
}

// program is the real binary on a data directory.
type program struct {
	t    *testing.T
	bin  string
	data string
	env  []string
	cmd  *exec.Cmd
	url  string
}

func (p *program) run(stdin string, args ...string) string {
	p.t.Helper()
	c := exec.CommandContext(p.t.Context(), p.bin, append(args, "--data="+p.data)...)
	c.Env, c.Stdin, c.Stderr = p.env, strings.NewReader(stdin), os.Stderr
	out, err := c.Output()
	if err != nil {
		p.t.Fatalf("%v: %v", args, err)
	}
	return strings.TrimSpace(string(out))
}

// people makes the requester eva and the agent yan, and returns their tokens.
func (p *program) people() map[string]string {
	p.t.Helper()
	p.run("une phrase assez longue\n", "user", "add", "--email=eva@exemple.test", "--name=Eva", "--role=requester", "--password-stdin")
	p.run("une phrase assez longue\n", "user", "add", "--email=yan@exemple.test", "--name=Yan", "--role=agent", "--password-stdin")
	return map[string]string{"eva": p.run("", "token", "create", "--user=eva@exemple.test", "--name=load"),
		"yan": p.run("", "token", "create", "--user=yan@exemple.test", "--name=load")}
}

// start serves and waits for the line that says so.
func (p *program) start() {
	p.t.Helper()
	p.cmd = exec.Command(p.bin, "serve", "--listen=127.0.0.1:0", "--data="+p.data)
	p.cmd.Env, p.cmd.Stderr = p.env, io.Discard
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		p.t.Fatalf("serve did not get ready: %v", err)
	}
	_, p.url, _ = strings.Cut(strings.TrimSpace(line), "http://")
	p.url = "http://" + p.url
}

func (p *program) kill() {
	p.t.Helper()
	if err := p.cmd.Process.Kill(); err != nil {
		p.t.Fatal(err)
	}
	_ = p.cmd.Wait() // "signal: killed" is what was asked for
}

// acknowledged is what the program said it had done.
type acknowledged struct {
	mu          sync.Mutex
	tickets     map[string]string // reference by external id
	messages    map[string]string // ticket by body
	attachments map[string]string // content by id
}

func newAcknowledged() *acknowledged {
	return &acknowledged{tickets: make(map[string]string), messages: make(map[string]string), attachments: make(map[string]string)}
}

// TestKilledAtRandom kills the program at random under load, again and again: what it acknowledged is there, once,
// and every mail that is due leaves. ENTRAIDE_TEST_KILLS sets how often; the figure asked for is 200.
func TestKilledAtRandom(t *testing.T) {
	kills := 12
	if n, err := strconv.Atoi(os.Getenv("ENTRAIDE_TEST_KILLS")); err == nil {
		kills = n
	}
	dir := t.TempDir()
	bin := filepath.Join(dir, "entraide")
	build(t, bin)
	box, settings := startMailbox(t)
	p := &program{t: t, bin: bin, data: filepath.Join(dir, "data"), env: append(os.Environ(), settings...)}
	tokens := p.people()
	ack := newAcknowledged()
	for round := range kills {
		p.start()
		ctx, cancel := context.WithCancel(t.Context())
		var clients sync.WaitGroup
		for c := range 4 {
			clients.Go(func() {
				client(ctx, fmt.Sprintf("r%d-c%d", round, c), ack, func(method, path, who, key string, body, into any) bool {
					code, err := post(ctx, p.url+path, tokens[who], method, key, body, into)
					return err == nil && code == 201
				})
			})
		}
		timer := time.NewTimer(time.Duration(100+rand.IntN(500)) * time.Millisecond)
		<-timer.C // the load runs; the moment of the kill is the point of the test
		p.kill()
		cancel()
		clients.Wait()
	}
	p.start()
	defer p.kill()
	t.Logf("%d kills; acknowledged: %d tickets, %d messages, %d attachments", kills, len(ack.tickets), len(ack.messages), len(ack.attachments))
	if len(ack.tickets) == 0 || len(ack.messages) == 0 || len(ack.attachments) == 0 {
		t.Fatal("the load acknowledged nothing")
	}
	ack.check(t, p.url, tokens["yan"])
	box.check(t, ack)
}

// call sends one request; headers are names and values.
func call(ctx context.Context, token, method, url, contentType string, body io.Reader, into any, headers ...string) (int, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		return 0, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", contentType)
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err == nil && into != nil && res.StatusCode < 300 {
		err = json.Unmarshal(b, into)
	}
	return res.StatusCode, err
}

func callJSON(ctx context.Context, token, method, url string, body, into any, headers ...string) (int, error) {
	b, err := json.Marshal(body)
	if err != nil {
		return 0, err
	}
	return call(ctx, token, method, url, "application/json", bytes.NewReader(b), into, headers...)
}

// fileForm is a form with one file, and its type.
func fileForm(name, content string) (*bytes.Buffer, string, error) {
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	part, err := w.CreateFormFile("file", name)
	if err == nil {
		_, err = io.WriteString(part, content)
	}
	return &form, w.FormDataContentType(), errors.Join(err, w.Close())
}

// client opens tickets with a file, and answers them, until ctx ends or send gives up. send makes one request, on whatever
// replica and as often as it likes, and reports whether it was acknowledged with 201.
func client(ctx context.Context, name string, ack *acknowledged, send func(method, path, who, key string, body, into any) bool) {
	for i := 0; ctx.Err() == nil; i++ {
		key := fmt.Sprintf("%s-%d", name, i)
		var file struct{ ID string }
		if !send("POST", "/api/v1/attachments", "eva", "", "file of "+key, &file) {
			return
		}
		var made struct{ ID, Reference string }
		if !send("POST", "/api/v1/tickets", "eva", key+"-ticket", map[string]any{"type": "incident", "subject": "Panne " + key, "body": "Elle dure.",
			"external_id": key, "attachments": []string{file.ID}}, &made) {
			return
		}
		ack.mu.Lock()
		ack.tickets[key], ack.attachments[file.ID] = made.Reference, "file of "+key
		ack.mu.Unlock()
		body := "Réponse à " + key
		if !send("POST", "/api/v1/tickets/"+made.ID+"/messages", "yan", key+"-answer", map[string]any{"body": body, "visibility": "public"}, nil) {
			return
		}
		ack.mu.Lock()
		ack.messages[body] = made.ID
		ack.mu.Unlock()
	}
}

// post sends one request of a client: text is a file, anything else is JSON.
func post(ctx context.Context, url, token, method, key string, body, into any) (int, error) {
	content, isFile := body.(string)
	if !isFile {
		return callJSON(ctx, token, method, url, body, into, "Idempotency-Key", key)
	}
	form, kind, err := fileForm("journal.txt", content)
	if err != nil {
		return 0, err
	}
	return call(ctx, token, method, url, kind, form, into)
}

func (a *acknowledged) check(t *testing.T, url, token string) {
	t.Helper()
	ctx := t.Context()
	for external, ref := range a.tickets {
		var list struct {
			Items []struct{ ID, Reference string }
		}
		if code, err := call(ctx, token, "GET", url+"/api/v1/tickets?external_id="+external, "", nil, &list); err != nil || code != 200 {
			t.Fatalf("list: %d %v", code, err)
		}
		if len(list.Items) != 1 || list.Items[0].Reference != ref {
			t.Errorf("ticket %s acknowledged as %s: %+v", external, ref, list.Items)
		}
	}
	for body, id := range a.messages {
		var list struct{ Items []struct{ Body string } }
		if code, err := call(ctx, token, "GET", url+"/api/v1/tickets/"+id+"/messages", "", nil, &list); err != nil || code != 200 {
			t.Fatalf("messages: %d %v", code, err)
		}
		n := 0
		for _, m := range list.Items {
			if m.Body == body {
				n++
			}
		}
		if n != 1 {
			t.Errorf("message %q is there %d times", body, n)
		}
	}
	for id, content := range a.attachments {
		req, err := http.NewRequestWithContext(ctx, "GET", url+"/api/v1/attachments/"+id, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(res.Body)
		if err != nil || res.Body.Close() != nil || string(b) != content {
			t.Errorf("attachment %s: %d %q %v", id, res.StatusCode, b, err)
		}
	}
}

// news is how many mails the requester is due.
func (a *acknowledged) news() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.tickets) + len(a.messages)
}

// told is how many different mails arrived at an address.
func (m *mailbox) told(address string) (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for key := range m.got {
		if strings.HasPrefix(key, address+" ") {
			n++
		}
	}
	return n
}

// check waits until the requester was told of each ticket and each answer, and sees that no news was made twice: a
// mail may arrive again after a crash, but under the same Message-ID.
func (m *mailbox) check(t *testing.T, a *acknowledged) {
	t.Helper()
	want := a.news()
	deadline := time.Now().Add(2 * time.Minute)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		n := m.told("eva@exemple.test")
		if n >= want {
			t.Logf("%d mails to the requester for %d pieces of news", n, want)
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d mails of %d left", n, want)
		}
		<-tick.C
	}
}
