package main

import (
	"io"
	"strings"
	"testing"
)

func TestFollow(t *testing.T) {
	const p = `"Package":"github.com/roost-run/roost/idmap"`
	table := []struct {
		name, in string
		want     totals
	}{
		{"nothing", "", totals{}},
		{"a pass", `{"Action":"run",` + p + `,"Test":"TestA"}
{"Action":"pass",` + p + `,"Test":"TestA"}
{"Action":"pass",` + p + `}`, totals{1, 0, 0}},
		{"subtests count, their parent does not", `{"Action":"run",` + p + `,"Test":"TestA"}
{"Action":"run",` + p + `,"Test":"TestA/x"}
{"Action":"run",` + p + `,"Test":"TestA/y"}
{"Action":"skip",` + p + `,"Test":"TestA/x"}
{"Action":"fail",` + p + `,"Test":"TestA/y"}
{"Action":"fail",` + p + `,"Test":"TestA"}
{"Action":"fail",` + p + `}`, totals{0, 1, 1}},
		{"a parent that fails by itself", `{"Action":"run",` + p + `,"Test":"TestA"}
{"Action":"run",` + p + `,"Test":"TestA/x"}
{"Action":"pass",` + p + `,"Test":"TestA/x"}
{"Action":"fail",` + p + `,"Test":"TestA"}`, totals{1, 1, 0}},
		{"a package that fails after its tests passed", `{"Action":"run",` + p + `,"Test":"TestA"}
{"Action":"pass",` + p + `,"Test":"TestA"}
{"Action":"fail",` + p + `}`, totals{1, 1, 0}},
		{"one that does not compile", `{"Action":"build-output","ImportPath":"x","Output":"oops\n"}
{"Action":"build-fail","ImportPath":"x"}
{"Action":"fail",` + p + `}`, totals{0, 1, 0}},
		{"cut off", `{"Action":"run",` + p + `,"Test":"TestA"}`, totals{0, 1, 0}},
		{"noise between the lines", "panic: no JSON\n" + `{"Action":"run",` + p + `,"Test":"TestA"}
{"Action":"pass",` + p + `,"Test":"TestA"}`, totals{1, 0, 0}},
	}
	for _, c := range table {
		t.Run(c.name, func(t *testing.T) {
			got, err := follow(strings.NewReader(c.in), io.Discard, "unit", false)
			if err != nil || count(got) != c.want {
				t.Errorf("counted %v (%v), want %v", count(got), err, c.want)
			}
		})
	}
}

func TestSkipReason(t *testing.T) {
	in := `{"Action":"run","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestA","Output":"=== RUN   TestA\n"}
{"Action":"output","Package":"p","Test":"TestA","Output":"    a_test.go:3: no sub-ids: for alice\n"}
{"Action":"output","Package":"p","Test":"TestA","Output":"--- SKIP: TestA (0.00s)\n"}
{"Action":"skip","Package":"p","Test":"TestA"}`
	got, err := follow(strings.NewReader(in), io.Discard, "unit", false)
	if err != nil || len(got) != 1 || got[0].Why != "no sub-ids: for alice" {
		t.Errorf("got %+v, %v", got, err)
	}
}
