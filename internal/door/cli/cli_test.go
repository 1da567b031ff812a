package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"entraide/internal/base/auth"
	"entraide/internal/base/blob"
	"entraide/internal/base/config"
	"entraide/internal/base/db"
	"entraide/internal/base/schema"
	"entraide/internal/domain/identity"
	"entraide/internal/domain/ticket"
	"entraide/internal/door/cli"
)

// roof is a small one: it opens installations and serves nothing.
func roof() cli.Roof {
	url := func(cfg config.Config) string {
		if cfg.Database != "" {
			return cfg.Database.Reveal()
		}
		return filepath.Join(cfg.Data, "entraide.db")
	}
	return cli.Roof{Version: "test", DatabaseURL: url,
		Open: func(ctx context.Context, cfg config.Config) (*db.DB, blob.Store, error) {
			for _, dir := range []string{"keys", "backups"} {
				if err := os.MkdirAll(filepath.Join(cfg.Data, dir), 0o700); err != nil {
					return nil, nil, err
				}
			}
			d, err := db.Open(ctx, db.Options{URL: url(cfg)})
			if err != nil {
				return nil, nil, err
			}
			blobs, err := blob.OpenDir(filepath.Join(cfg.Data, "blobs"))
			if err == nil {
				_, err = schema.Migrate(ctx, d, nil)
			}
			return d, blobs, err
		},
		Prepare: func(ctx context.Context, d *db.DB) error {
			return d.Write(ctx, func(tx *db.Tx) error {
				_, err := identity.Seed(ctx, tx, auth.System("test"), [3]string{"Niveau 1", "Niveau 2", "Niveau 3"})
				return errors.Join(err, ticket.Seed(ctx, tx))
			})
		}}
}

// run runs one command and returns its status and what it wrote.
func run(t *testing.T, in string, args ...string) (status int, out, errOut string) {
	t.Helper()
	t.Setenv("LANG", "en_GB.UTF-8")
	t.Setenv("LC_ALL", "")
	var o, e bytes.Buffer
	status = cli.Main(t.Context(), args, cli.Streams{In: strings.NewReader(in), Out: &o, Err: &e}, roof())
	return status, o.String(), e.String()
}

// must is run that has to end with a status.
func must(t *testing.T, status int, in string, args ...string) string {
	t.Helper()
	got, out, errOut := run(t, in, args...)
	if got != status {
		t.Fatalf("entraide %s: status %d, want %d\n%s%s", strings.Join(args, " "), got, status, out, errOut)
	}
	return out + errOut
}

func TestUsersAndTokens(t *testing.T) {
	dir := t.TempDir()
	data := "--data=" + dir
	must(t, 0, "une phrase assez longue\n", "user", "add", data, "--email=Ada@Exemple.test", "--name=Ada Lovelace", "--role=admin", "--password-stdin")
	out := must(t, 0, "", "user", "add", data, "--email=bob@exemple.test", "--name=Bob", "--role=agent")
	if !strings.Contains(out, "/welcome/") {
		t.Errorf("no link to choose a password: %s", out)
	}
	if out := must(t, 1, "", "user", "add", data, "--email=bob@exemple.test", "--name=Bob again"); strings.Contains(out, "UNIQUE") {
		t.Errorf("raw error: %s", out)
	}
	must(t, 1, "court\n", "user", "password", data, "bob@exemple.test", "--password-stdin")
	must(t, 2, "", "user", "add", data, "--email=x@exemple.test", "--name=X", "--role=king")
	must(t, 1, "", "user", "add", data, "--email=x@exemple.test", "--name=X", "--role=agent", "--team=Nowhere")
	must(t, 0, "", "user", "role", data, "bob@exemple.test", "agent", "maker")
	if out := must(t, 0, "", "user", "list", data, "--json"); strings.Count(out, "\n") != 2 || !strings.Contains(out, `"maker"`) {
		t.Errorf("list: %s", out)
	}
	secret := strings.TrimSpace(must(t, 0, "", "token", "create", data, "--user=ada@exemple.test", "--name=script"))
	if !strings.HasPrefix(secret, "ent_") || strings.ContainsAny(secret, " \n") {
		t.Errorf("token %q is not alone", secret)
	}
	must(t, 1, "", "user", "disable", data, "ada@exemple.test") // the last administrator
	must(t, 0, "", "user", "disable", data, "bob@exemple.test")
	must(t, 1, "", "token", "create", data, "--user=nobody@exemple.test", "--name=x")
}

func TestMigrateAndDoctor(t *testing.T) {
	dir := t.TempDir()
	must(t, 1, "", "doctor", "--data="+dir)
	must(t, 1, "", "migrate", "--check", "--data="+dir)
	must(t, 0, "", "migrate", "--data="+dir)
	must(t, 0, "", "migrate", "--check", "--data="+dir)
	out := must(t, 1, "", "doctor", "--data="+dir, "--json")
	var findings []struct {
		Name, Text string
		OK         bool
	}
	first, _, _ := strings.Cut(out, "\n")
	if err := json.Unmarshal([]byte(first), &findings); err != nil {
		t.Fatal(err)
	}
	sick := 0
	for _, f := range findings {
		if !f.OK {
			sick++
		}
	}
	if len(findings) != 7 || sick != 2 { // no administrator, no SMTP
		t.Errorf("findings: %+v", findings)
	}
	must(t, 2, "", "frobnicate")
	must(t, 2, "", "doctor", "--data="+dir, "--config="+filepath.Join(dir, "none.toml"))
	must(t, 0, "", "--help")
}

const tickets = `{"external_id":"A-1","subject":"Imprimante muette","body":"Elle ne dit rien.","requester":{"email":"eva@exemple.test","name":"Éva"},"created_at":"2025-03-03T08:00:00Z","resolved_at":"2025-03-04T08:00:00Z","category":["Impression","Réseau"],"queue":"Atelier","level":2,"assignee":"agent-7","tags":["Papier"],"couleur":"bleue","messages":[{"author":{"email":"paul@exemple.test","name":"Paul"},"at":"2025-03-03T09:00:00Z","body":"Je regarde.","attachments":[{"name":"../vue.txt","base64":"Ym9uam91cg=="}]},{"author":"agent-7","at":"2025-03-03T10:00:00Z","visibility":"internal","body":"câble"}],"history":[{"at":"2025-03-03T08:30:00Z","actor":"agent-7","state":"Active","queue":"Atelier"}]}
{"external_id":"A-2","subject":"","requester":"x@exemple.test","created_at":"2025-03-03T08:00:00Z"}
this is not JSON
{"external_id":"A-3","subject":"Autre","requester":"eva@exemple.test","created_at":"not a time"}
`

func TestImportTickets(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "tickets.jsonl")
	if err := os.WriteFile(path, []byte(tickets), 0o600); err != nil {
		t.Fatal(err)
	}
	data := "--data=" + filepath.Join(dir, "data")
	if out := must(t, 0, "", "import", "tickets", data, "--dry-run", path); !strings.Contains(out, "imported 1, skipped 0, failed 3") {
		t.Errorf("dry run: %s", out)
	}
	out := must(t, 0, "", "import", "tickets", data, path)
	for _, want := range []string{"imported 1, skipped 0, failed 3", "couleur", "Atelier", "agent-7"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in: %s", want, out)
		}
	}
	if out := must(t, 0, "", "import", "tickets", data, path); !strings.Contains(out, "imported 0, skipped 1, failed 3") {
		t.Errorf("again: %s", out)
	}
	report, err := os.ReadFile(filepath.Join(dir, "refused-tickets.jsonl"))
	if err != nil || strings.Count(string(report), "\n") != 3 || !strings.Contains(string(report), `"external_id":"A-2"`) {
		t.Errorf("report: %v\n%s", err, report)
	}
	d, err := db.Open(t.Context(), db.Options{URL: filepath.Join(dir, "data", "entraide.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	err = d.Read(t.Context(), func(tx *db.Tx) error {
		ctx, a := t.Context(), auth.System("test")
		all, _, err := ticket.List(ctx, tx, a, ticket.Filter{}, ticket.Page{})
		if err != nil || len(all) != 1 {
			t.Fatalf("%d tickets, %v", len(all), err)
		}
		x := all[0]
		if x.Status != ticket.Resolved || x.Level != 2 || x.QueueName != "Atelier" || x.CreatedAt.Format("2006-01-02") != "2025-03-03" || x.Fields["couleur"] != "bleue" {
			t.Errorf("%+v", x)
		}
		said, err := ticket.Conversation(ctx, tx, a, x)
		if err != nil || len(said) != 3 || len(said[1].Attachments) != 1 || strings.ContainsAny(said[1].Attachments[0].Name, "/\\") {
			t.Errorf("conversation: %v %+v", err, said)
		}
		p, err := identity.FindByEmail(ctx, tx, a, "eva@exemple.test")
		if err != nil || p.Active {
			t.Errorf("people made by an import have no access: %+v %v", p, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestImportPeople(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "people.csv")
	csv := "id,given,sn,mail,title,manager\nE1,Ada,Lovelace,ada@exemple.test,Directrice,\nE2,Bob,Martin,bob@exemple.test,=1+1,E1\n"
	if err := os.WriteFile(path, []byte(csv), 0o600); err != nil {
		t.Fatal(err)
	}
	data := "--data=" + filepath.Join(dir, "data")
	if out := must(t, 0, "", "import", "people", data, path); !strings.Contains(out, "imported 2, skipped 0, failed 0") {
		t.Error(out)
	}
	if out := must(t, 0, "", "import", "people", data, path, "--json"); !strings.Contains(out, `{"imported":0,"skipped":2,"failed":0}`) {
		t.Error(out)
	}
}

const mail = "From: Eva <eva@exemple.test>\r\nTo: aide@exemple.test\r\nSubject: Badge perdu\r\nMessage-ID: <m1@exemple.test>\r\nDate: Mon, 3 Mar 2025 09:00:00 +0100\r\n\r\nBonjour, mon badge est perdu.\r\n"

func TestMail(t *testing.T) {
	data := "--data=" + t.TempDir()
	out := must(t, 0, mail, "mail", "parse", "-")
	var m struct {
		Subject   string
		ReplyText string `json:"reply_text"`
	}
	if err := json.Unmarshal([]byte(out), &m); err != nil || m.Subject != "Badge perdu" {
		t.Errorf("%v %s", err, out)
	}
	checked := must(t, 0, "Authentication-Results: mx.exemple.test; spf=pass\r\n"+mail, "mail", "parse", "-", "--receiver=exemple.test")
	if !strings.Contains(checked, `"trusted": true`) || strings.Contains(checked, `\u003c`) {
		t.Errorf("a receiver that is believed: %s", checked)
	}
	must(t, 1, " \n", "mail", "parse", "-")
	must(t, 1, "", "mail", "parse", filepath.Join(t.TempDir(), "none.eml"))
	must(t, 2, "", "mail", "parse")
	if out := must(t, 0, mail, "mail", "deliver", data); !strings.HasPrefix(out, "opened INC-1001") {
		t.Errorf("deliver: %s", out)
	}
	if out := must(t, 0, mail, "mail", "deliver", data); !strings.Contains(out, "INC-1001") {
		t.Errorf("the same mail twice: %s", out)
	}
	reply := strings.NewReplacer("<m1@", "<m2@", "Subject: ", "Subject: RE: [INC-1001] ", "perdu.\r", "retrouvé.\r").Replace(mail)
	if out := must(t, 0, reply, "mail", "deliver", data); !strings.HasPrefix(out, "replied INC-1001") {
		t.Errorf("reply: %s", out)
	}
	must(t, 65, " \n", "mail", "deliver", data)
	several := strings.Replace(mail, "Message-ID: <", "Message-ID: <several-", 1)
	must(t, 0, several, "mail", "deliver", data, "--to=aide@exemple.fr", "--to=autre@exemple.fr")
	must(t, 75, mail, "mail", "deliver", data, "--database=mysql://nowhere/none") // 2 would send the mail back
	must(t, 75, mail, "mail", "deliver", data, "--database=postgres://nobody@127.0.0.1:1/none?connect_timeout=2")
}

func TestBackupAndRestore(t *testing.T) {
	dir := t.TempDir()
	from, to, file := filepath.Join(dir, "from"), filepath.Join(dir, "to"), filepath.Join(dir, "entraide.backup")
	must(t, 0, mail, "mail", "deliver", "--data="+from)
	must(t, 0, "", "backup", "--data="+from, file)
	must(t, 1, "", "backup", "--data="+from, file) // never over an older one
	must(t, 1, "", "restore", "--data="+from, file)
	must(t, 0, "", "restore", "--data="+to, file)
	if out := must(t, 0, mail, "mail", "deliver", "--data="+to); !strings.Contains(out, "INC-1001") {
		t.Errorf("the restored installation does not know the mail: %s", out)
	}
	count := func(root string) (n int) {
		err := filepath.WalkDir(filepath.Join(root, "blobs"), func(_ string, e os.DirEntry, err error) error {
			if err == nil && e.Type().IsRegular() {
				n++
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if a, b := count(from), count(to); a == 0 || a != b {
		t.Errorf("%d files backed up, %d restored", a, b)
	}
	bad := filepath.Join(dir, "bad")
	if err := os.WriteFile(bad, []byte("no backup"), 0o600); err != nil {
		t.Fatal(err)
	}
	must(t, 1, "", "restore", "--data="+filepath.Join(dir, "third"), bad)
	if _, err := os.Stat(filepath.Join(dir, "third", "entraide.db")); err == nil {
		t.Error("a bad backup left a database behind")
	}
}
