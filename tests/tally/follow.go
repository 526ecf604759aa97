package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"sort"
	"strings"
)

// event is a line of `go test -json`; see `go doc test2json`.
type event struct {
	Action     string
	Package    string
	ImportPath string // of build-output and build-fail
	Test       string
	Output     string
	Elapsed    float64
}

// run is what is known of one test, or of a package where the test's name is empty.
type run struct {
	verdict string
	output  []string
	parent  bool // has subtests, so it is not counted itself
}

type stream struct {
	suite   string
	w       io.Writer
	verbose bool
	runs    map[string]*run
	builds  map[string][]string
}

// follow reads a stream to its end. What is not JSON is shown as it is: a linker or a panic may write between the lines.
func follow(r io.Reader, w io.Writer, suite string, verbose bool) ([]result, error) {
	s := stream{suite: suite, w: w, verbose: verbose, runs: map[string]*run{}, builds: map[string][]string{}}
	for in := bufio.NewReader(r); ; {
		text, err := line(in)
		if err == io.EOF {
			return s.results(), nil
		} else if err != nil {
			return nil, err
		}
		var e event
		if json.Unmarshal([]byte(text), &e) != nil || e.Action == "" {
			fmt.Fprint(w, text)
			continue
		}
		s.take(e)
	}
}

func (s *stream) at(e event) *run {
	key := e.Package + "\x00" + e.Test
	if s.runs[key] == nil {
		s.runs[key] = &run{}
		if i := strings.LastIndexByte(e.Test, '/'); i > 0 {
			s.at(event{Package: e.Package, Test: e.Test[:i]}).parent = true
		}
	}
	return s.runs[key]
}

func (s *stream) take(e event) {
	switch e.Action {
	case "build-output":
		s.builds[e.ImportPath] = append(s.builds[e.ImportPath], e.Output)
	case "build-fail":
		fmt.Fprint(s.w, strings.Join(s.builds[e.ImportPath], ""))
	case "run", "output":
		r := s.at(e)
		if e.Output != "" && !chatter(e.Output) {
			r.output = append(r.output, e.Output)
		}
	case "pass", "fail", "skip":
		s.end(e, s.at(e))
	}
}

func (s *stream) end(e event, r *run) {
	r.verdict = e.Action
	switch {
	case e.Action == "fail":
		fmt.Fprintf(s.w, "FAIL %s %s %s (%.2fs)\n%s", s.suite, short(e.Package), e.Test, e.Elapsed, strings.Join(r.output, ""))
	case e.Test == "":
		fmt.Fprintf(s.w, "%-4s %s %s (%.1fs)\n", e.Action, s.suite, short(e.Package), e.Elapsed)
	case s.verbose:
		fmt.Fprintf(s.w, "%-4s %s %s (%.2fs)\n%s", e.Action, s.suite, e.Test, e.Elapsed, strings.Join(r.output, ""))
	}
	if e.Action == "pass" {
		r.output = nil
	}
}

// results turns what was seen into leaves. A test that began and never ended was cut off: a panic, a time limit, a kill.
func (s *stream) results() []result {
	failing := map[string]bool{}
	var results []result
	for key, r := range s.runs {
		pkg, test, _ := strings.Cut(key, "\x00")
		if test == "" || r.parent && r.verdict != "fail" {
			continue
		}
		if r.verdict == "" {
			r.verdict = "fail"
			fmt.Fprintf(s.w, "FAIL %s %s %s: began and did not end\n%s", s.suite, short(pkg), test, strings.Join(r.output, ""))
		}
		if r.verdict == "fail" {
			failing[pkg] = true
			// The parent of a failing subtest fails with it; only a parent that fails by itself is news.
			if r.parent && s.failsBelow(pkg, test) {
				continue
			}
		}
		results = append(results, result{s.suite, short(pkg) + "." + test, r.verdict, why(r)})
	}
	for key, r := range s.runs {
		pkg, test, _ := strings.Cut(key, "\x00")
		if test == "" && r.verdict == "fail" && !failing[pkg] {
			results = append(results, result{s.suite, short(pkg), "fail", ""})
		}
	}
	sort.Slice(results, func(i, j int) bool { return results[i].Name < results[j].Name })
	return results
}

func (s *stream) failsBelow(pkg, test string) bool {
	for key, r := range s.runs {
		if strings.HasPrefix(key, pkg+"\x00"+test+"/") && (r.verdict == "fail" || r.verdict == "") {
			return true
		}
	}
	return false
}

// why is the reason that a skipped test gave: its last line, without "file.go:12: ".
func why(r *run) string {
	if r.verdict != "skip" {
		return ""
	}
	for i := len(r.output) - 1; i >= 0; i-- {
		text := strings.TrimSpace(r.output[i])
		if _, after, ok := strings.Cut(text, ".go:"); ok {
			if _, reason, ok := strings.Cut(after, ": "); ok {
				return reason
			}
		}
	}
	return "no reason given"
}

// chatter is what the testing package prints around a test and the events say better.
func chatter(s string) bool {
	s = strings.TrimLeft(s, " ")
	for _, prefix := range []string{"=== RUN", "=== PAUSE", "=== CONT", "=== NAME", "--- PASS", "--- FAIL", "--- SKIP"} {
		if strings.HasPrefix(s, prefix) {
			return true
		}
	}
	return s == "PASS\n" || s == "FAIL\n"
}

func short(pkg string) string {
	return strings.TrimPrefix(strings.TrimPrefix(pkg, "github.com/roost-run/roost"), "/")
}
