package main

import (
	"strings"
	"testing"
)

func TestFollow(t *testing.T) {
	in := `{"Action":"output","Package":"p","Test":"TestA","Output":"boom\n"}
{"Action":"fail","Package":"p","Test":"TestA","Elapsed":0.5}
{"Action":"output","Package":"p","Test":"TestB","Output":"quiet\n"}
{"Action":"pass","Package":"p","Test":"TestB","Elapsed":1.5}
{"Action":"pass","Package":"p","Test":"TestB/sub"}
{"Action":"skip","Package":"p","Test":"TestC"}
{"Action":"skip","Package":"q"}
{"Action":"build-fail","ImportPath":"r"}
{"Action":"fail","Package":"p"}
{"Action":"pass","Package":"z","Elapsed":2}
go: no such thing
`
	var w strings.Builder
	s, err := follow(strings.NewReader(in), &w)
	if err != nil || s.passed != 2 || len(s.failed) != 3 || len(s.skipped) != 1 || len(s.slow) != 1 {
		t.Errorf("%+v, %v", s, err)
	}
	s.print(&w)
	for _, want := range []string{"boom", "FAIL", "go: no such thing", "counts as failed: p TestC", "FAILED: r", "2 tests passed, 3 failed, 1 skipped"} {
		if !strings.Contains(w.String(), want) {
			t.Errorf("%q lacks %q", w.String(), want)
		}
	}
	if strings.Contains(w.String(), "quiet") {
		t.Error("output of a passing test shown")
	}
}
