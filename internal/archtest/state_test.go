package archtest

import (
	"go/ast"
	"go/token"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// constantCalls make values that nobody changes afterwards.
var constantCalls = []string{
	"errors.New", "fmt.Errorf", "regexp.MustCompile", "sync.OnceValue", "sync.OnceValues", "strings.NewReplacer",
	"strings.Fields", "time.Date", "ast.NewNodeKind", "language.NewMatcher", "cases.Title", "template.Must", "goldmark.New",
}

// mutable says why the value of a package-level variable is state; "" = it is not, as far as its text shows.
func mutable(v ast.Expr) string {
	switch v := v.(type) {
	case *ast.UnaryExpr:
		if v.Op == token.AND {
			return "a pointer"
		}
	case *ast.CallExpr:
		switch f := v.Fun.(type) {
		case *ast.Ident: // a function of ours that computes a table, or a conversion
			if f.Name == "make" || f.Name == "new" {
				return f.Name
			}
		case *ast.SelectorExpr:
			x, ok := f.X.(*ast.Ident)
			if ok && !slices.Contains(constantCalls, x.Name+"."+f.Sel.Name) && !strings.HasPrefix(f.Sel.Name, "Must") {
				return "a call of " + x.Name + "." + f.Sel.Name
			}
		case *ast.IndexExpr, *ast.FuncLit, *ast.ArrayType, *ast.ParenExpr:
		}
	case *ast.CompositeLit:
		if t, ok := v.Type.(*ast.SelectorExpr); ok {
			if x, ok := t.X.(*ast.Ident); ok && (x.Name == "sync" || x.Name == "atomic") {
				return "a " + x.Name + "." + t.Sel.Name
			}
		}
	}
	return ""
}

var skips = regexp.MustCompile(`^Skip(f|Now)?$`)

func checkState(files []source) (found []finding) {
	packages := make(map[string][]source)
	for _, s := range files {
		packages[s.dir()] = append(packages[s.dir()], s)
	}
	for _, s := range files {
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				found = append(found, finding{s.at(f), "func init runs before anybody asks for it", s.dir() + ".init"})
			}
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			call, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			x, ok := call.X.(*ast.Ident)
			switch {
			case !ok:
			case x.Name == "time" && call.Sel.Name == "Sleep" && !slices.Contains(s.imports(), "testing/synctest"):
				found = append(found, finding{s.at(n), "time.Sleep waits too long or not long enough: wait for what happens", s.path + " sleeps"})
			case s.test && skips.MatchString(call.Sel.Name) && slices.Contains([]string{"t", "b", "f", "tb"}, x.Name):
				found = append(found, finding{s.at(n), "a test that skips itself tests nothing", s.path + " skips"})
			}
			return true
		})
		if !s.test && !s.generated {
			found = append(found, globals(s, packages[s.dir()])...)
		}
	}
	return found
}

// globals finds the package-level variables of s that are state.
func globals(s source, pkg []source) (found []finding) {
	for _, d := range s.file.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.VAR {
			continue
		}
		for _, spec := range g.Specs {
			v := spec.(*ast.ValueSpec)
			if strings.Contains(text(g.Doc)+text(v.Doc), "//go:embed") {
				continue
			}
			for i, n := range v.Names {
				if n.Name == "_" {
					continue
				}
				why := ""
				switch {
				case len(v.Values) == 0:
					why = "starts empty, so somebody must fill it"
				case i < len(v.Values) && mutable(v.Values[i]) != "":
					why = "is " + mutable(v.Values[i])
				default:
					why = assigned(n.Name, pkg)
				}
				if why != "" {
					found = append(found, finding{s.at(n), "package-level variable " + n.Name + " " + why, s.dir() + "." + n.Name})
				}
			}
		}
	}
	return found
}

// text is the raw text of a comment; Text() leaves directives out.
func text(c *ast.CommentGroup) string {
	if c == nil {
		return ""
	}
	var b strings.Builder
	for _, l := range c.List {
		b.WriteString(l.Text + "\n")
	}
	return b.String()
}

// assigned says where a package changes its variable name; "" = nowhere.
func assigned(name string, pkg []source) string {
	for _, s := range pkg {
		if s.test {
			continue
		}
		for _, d := range s.file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Body == nil || declares(f, name) {
				continue
			}
			if at := changes(s, f.Body, name); at != "" {
				return "is changed at " + at
			}
		}
	}
	return ""
}

func changes(s source, body ast.Node, name string) (at string) {
	hit := func(e ast.Expr, n ast.Node) {
		if base(e) == name {
			at = s.at(n)
		}
	}
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for _, l := range n.Lhs {
				hit(l, n)
			}
		case *ast.IncDecStmt:
			hit(n.X, n)
		case *ast.UnaryExpr:
			if n.Op == token.AND {
				hit(n.X, n)
			}
		case *ast.CallExpr:
			if f, ok := n.Fun.(*ast.Ident); ok && (f.Name == "delete" || f.Name == "clear") {
				hit(n.Args[0], n)
			}
		}
		return true
	})
	return at
}

// base is the variable that an expression selects or indexes.
func base(e ast.Expr) string {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x.Name
		case *ast.SelectorExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		default:
			return ""
		}
	}
}

// declares reports whether f has a parameter or local variable of that name, which hides the package's.
func declares(f *ast.FuncDecl, name string) (yes bool) {
	ast.Inspect(f, func(n ast.Node) bool {
		var names []ast.Expr
		switch n := n.(type) {
		case *ast.Field:
			for _, x := range n.Names {
				names = append(names, x)
			}
		case *ast.ValueSpec:
			for _, x := range n.Names {
				names = append(names, x)
			}
		case *ast.AssignStmt:
			if n.Tok == token.DEFINE {
				names = n.Lhs
			}
		case *ast.RangeStmt:
			if n.Tok == token.DEFINE {
				names = []ast.Expr{n.Key, n.Value}
			}
		}
		for _, x := range names {
			if id, ok := x.(*ast.Ident); ok && id.Name == name {
				yes = true
			}
		}
		return true
	})
	return yes
}

func TestState(t *testing.T) {
	report(t, "what is shared and changes makes tests depend on each other and replicas disagree; pass it instead (architecture, house rule 1)",
		checkState(all(t)), map[string]string{
			"internal/base/db/dbtest.databases": "tests of one program share a server and must not share a database name",
			"internal/door/api.bodies":          "memory lent out and given back; nothing in it outlives a request",
			"internal/base/id.last":             "without the newest identifier of the process, two of one millisecond would sort at random",
		})
}

func TestStateIsSeenFailing(t *testing.T) {
	expect(t, checkState([]source{
		example(t, "p/a.go", `package p

import "time"

var counter int
var cache = make(map[string]int)
var table = map[string]int{"a": 1}
var shared = &T{}
var client = http.NewClient()
var once = sync.Once{}

func init() { time.Sleep(1) }

func f() { table["b"] = 2 }
`),
		example(t, "p/a_test.go", "package p\n\nfunc TestA(t *testing.T) { t.Skip(\"later\") }\n"),
	}), "init", "Sleep", "counter", "cache", "table is changed at p/a.go:14", "shared", "client", "once", "skips itself")
	expect(t, checkState([]source{
		example(t, "p/a.go", `package p

var ErrGone = errors.New("gone")
var word = regexp.MustCompile("x")
var names = []string{"a"}
var _ I = T{}

//go:embed sql
var files embed.FS

func f() { names := names[:0]; names = append(names, "x"); _ = names }
`),
		example(t, "p/a_test.go", "package p\n\nimport _ \"testing/synctest\"\n\nfunc f() { time.Sleep(1) }\n"),
	}))
}
