package archtest

import (
	"go/ast"
	"go/token"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"entraide/internal/base/schema"
)

// shared are the tables of the hallway that every room may read.
var shared = []string{"person", "team", "team_member", "people_group", "group_member", "person_role", "field"}

// helpers keep tables for a package whose name is not the owner's.
var helpers = map[string]string{
	"internal/base/schema": "schema",
}

var (
	// Writes are found in any case; reads only in capitals, since "from" is an English word.
	writes   = regexp.MustCompile(`(?i)\b(?:INSERT\s+(?:OR\s+\w+\s+)?INTO|DELETE\s+FROM)\s+(\w+)|\bUPDATE\s+(\w+)(?:\s+(?:AS\s+)?\w+)?\s+SET\b`)
	reads    = regexp.MustCompile(`\b(?:FROM|JOIN)\s+(\w+)((?:\s+(?:AS\s+)?\w+)?(?:\s*,\s*\w+(?:\s+\w+)?)*)`)
	listed   = regexp.MustCompile(`,\s*(\w+)`)
	open     = regexp.MustCompile(`\b(?:INSERT\s+INTO|DELETE\s+FROM|UPDATE|FROM|JOIN)\s+$`)
	anything = regexp.MustCompile(`^\s*(?:SELECT|INSERT\s+INTO|UPDATE|DELETE\s+FROM|WITH)\s`)
)

// checkTables finds SQL that writes or reads tables of another owner, or whose table cannot be known.
func checkTables(files []source, owners map[string]string) (found []finding) {
	for _, s := range files {
		if s.test || s.generated || !strings.HasPrefix(s.path, "internal/") {
			continue
		}
		me := path.Base(s.dir())
		if h := helpers[s.dir()]; h != "" {
			me = h
		}
		add := func(n ast.Node, verb, table, what string) {
			found = append(found, finding{s.at(n), what, s.dir() + " " + verb + " " + table})
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			lit, ok := n.(*ast.BasicLit)
			if !ok || lit.Kind != token.STRING {
				return true
			}
			text, err := strconv.Unquote(lit.Value)
			if err != nil {
				return true // a struct tag the parser let pass
			}
			if anything.MatchString(text) && (floor(s.dir()) == 2 || floor(s.dir()) == 3) {
				found = append(found, finding{s.at(n), "SQL in a use case or door: it belongs to the room that owns the rows", s.path + " has SQL"})
				return true
			}
			if open.MatchString(text) {
				add(n, "hides", "table", "a table named elsewhere than in the text cannot be checked")
			}
			foreign := func(table string) bool { return owners[table] != "" && owners[table] != me }
			for _, m := range writes.FindAllStringSubmatch(text, -1) {
				if table := strings.ToLower(m[1] + m[2]); foreign(table) {
					add(n, "writes", table, "writes "+table+", which belongs to "+owners[table])
				}
			}
			for _, table := range tablesRead(writes.ReplaceAllString(text, "")) {
				if foreign(table) && !slices.Contains(shared, table) && !strings.HasPrefix(table, "v_") && !ofBase[owners[table]] {
					add(n, "reads", table, "reads "+table+", which belongs to "+owners[table])
				}
			}
			return true
		})
	}
	return found
}

// ofBase are the owners below the rooms; everybody may read what they keep.
var ofBase = map[string]bool{"db": true, "schema": true, "setting": true, "event": true, "job": true, "blob": true}

func tablesRead(text string) (tables []string) {
	for _, m := range reads.FindAllStringSubmatch(text, -1) {
		tables = append(tables, m[1])
		for _, more := range listed.FindAllStringSubmatch(m[2], -1) {
			tables = append(tables, more[1])
		}
	}
	return tables
}

func TestTables(t *testing.T) {
	owners, err := schema.Owners()
	if err != nil {
		t.Fatal(err)
	}
	owners["schema_migration"] = "schema"
	report(t, "a room writes only its own tables and asks others through their functions: rules that stand beside the rows hold for everybody (architecture, house rule 2)",
		checkTables(all(t), owners), map[string]string{
			"internal/base/db/dbtest hides table": "counts the rows of any table, for tests",
			"internal/door/cli/upkeep.go has SQL": "asks the engine for its own integrity check; no table is named",
		})
}

// Every owner is a package, so that a table is not left to nobody.
func TestOwnersExist(t *testing.T) {
	owners, err := schema.Owners()
	if err != nil {
		t.Fatal(err)
	}
	rooms := make(map[string]bool)
	for _, s := range all(t) {
		if f := floor(s.dir()); f <= 1 && !s.test {
			rooms[path.Base(s.dir())] = true
		}
	}
	for table, owner := range owners {
		if !rooms[owner] {
			t.Errorf("table %s belongs to %s, which is neither a room nor a foundation", table, owner)
		}
	}
}

func TestTablesAreSeenFailing(t *testing.T) {
	owners := map[string]string{"ticket": "ticket", "message": "ticket", "person": "identity", "event": "event", "v_load": "report", "clock": "sla"}
	in := func(dir, q string) source {
		return example(t, dir+"/store.go", "package p\nconst q = `"+q+"`\n")
	}
	expect(t, checkTables([]source{
		in("internal/domain/sla", "INSERT INTO ticket (id) VALUES ($1)"),
		in("internal/domain/sla", "WITH x AS (SELECT 1) UPDATE ticket AS t SET a = 1"),
		in("internal/domain/sla", "delete from message"),
		in("internal/domain/sla", "SELECT 1 FROM clock c, ticket t JOIN message m ON true"),
		in("internal/domain/sla", "UPDATE person SET name = ''"),
		in("internal/domain/sla", "DELETE FROM "),
		in("internal/usecase/intake", "SELECT name FROM person"),
		in("internal/domain/sla", "UPDATE clock SET a = (SELECT max(id) FROM ticket)"),
	}, owners), "writes ticket", "writes ticket", "writes message", "reads ticket", "reads message", "writes person", "cannot be checked",
		"SQL in a use case", "reads ticket")
	expect(t, checkTables([]source{
		in("internal/domain/ticket", "INSERT INTO ticket (id) VALUES ($1) ON CONFLICT (id) DO UPDATE SET a = excluded.a RETURNING id"),
		in("internal/domain/ticket", "SELECT 1 FROM ticket t JOIN person p ON p.id = t.requester_id, event e FOR UPDATE"),
		in("internal/domain/sla", "SELECT 1 FROM v_load"),
		in("internal/domain/sla", "a message from ticket: update ticket now"),
	}, owners))
}
