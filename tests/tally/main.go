// Command tally reads what `go test -json` prints, shows what a person wants to see of it, and counts.
//
//	go test -json ./... | tally -suite unit -to out/test/unit
//	tally -sum out/test/unit out/test/root
//
// The first form shows failures with their output as they come, and writes one line for each test to the file. The
// second prints what was skipped and why, what failed, and, as its last line, "N passed, N failed, N skipped".
// Both exit 1 if anything failed. Only leaves are counted: a test with subtests is its subtests.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"sort"
	"strings"
)

func main() {
	suite := flag.String("suite", "", "name of the suite that is read from standard input")
	to := flag.String("to", "", "file for the results")
	sum := flag.Bool("sum", false, "sum up the files that are named")
	verbose := flag.Bool("v", false, "show the output of passed tests too")
	flag.Parse()

	var results []result
	var err error
	if *sum {
		results, err = load(flag.Args())
	} else {
		results, err = follow(os.Stdin, os.Stdout, *suite, *verbose)
		if err == nil {
			err = store(*to, results)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "tally:", err)
		os.Exit(2)
	}
	if *sum {
		report(os.Stdout, results)
	} else {
		fmt.Printf("%-12s %s\n", *suite, count(results))
	}
	if count(results).failed > 0 {
		os.Exit(1)
	}
}

// result is one leaf: a test, or a package that failed without a failing test (it did not compile, it leaked).
type result struct{ Suite, Name, Verdict, Why string }

type totals struct{ passed, failed, skipped int }

func (t totals) String() string {
	return fmt.Sprintf("%d passed, %d failed, %d skipped", t.passed, t.failed, t.skipped)
}

func count(results []result) (t totals) {
	for _, r := range results {
		switch r.Verdict {
		case "pass":
			t.passed++
		case "skip":
			t.skipped++
		default:
			t.failed++
		}
	}
	return t
}

func store(path string, results []result) error {
	if path == "" {
		return nil
	}
	var b strings.Builder
	for _, r := range results {
		line, err := json.Marshal(r)
		if err != nil {
			return err
		}
		b.Write(line)
		b.WriteByte('\n')
	}
	return os.WriteFile(path, []byte(b.String()), 0o644)
}

func load(paths []string) ([]result, error) {
	var results []result
	for _, path := range paths {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		for d := json.NewDecoder(f); ; {
			var r result
			if err := d.Decode(&r); err == io.EOF {
				break
			} else if err != nil {
				return nil, fmt.Errorf("%s: %w", path, err)
			}
			results = append(results, r)
		}
		f.Close()
	}
	return results, nil
}

// report lists skips by what was missing, since one missing grant skips many tests; then failures; then the line
// that machines read.
func report(w io.Writer, results []result) {
	skipped := map[string][]string{}
	for _, r := range results {
		if r.Verdict == "skip" {
			skipped[r.Why] = append(skipped[r.Why], r.Suite+": "+r.Name)
		}
	}
	reasons := make([]string, 0, len(skipped))
	for why := range skipped {
		reasons = append(reasons, why)
	}
	sort.Strings(reasons)
	for _, why := range reasons {
		fmt.Fprintf(w, "skipped: %s\n", why)
		for _, name := range skipped[why] {
			fmt.Fprintf(w, "    %s\n", name)
		}
	}
	for _, r := range results {
		if r.Verdict == "fail" {
			fmt.Fprintf(w, "failed: %s: %s\n", r.Suite, r.Name)
		}
	}
	fmt.Fprintln(w, count(results))
}

// line reads one line of any length: a test may print megabytes without a newline.
func line(r *bufio.Reader) (string, error) {
	s, err := r.ReadString('\n')
	if err == io.EOF && s != "" {
		err = nil
	}
	return s, err
}
