package main

import (
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// record FILE LEVEL MSG: the file is exactly one JSON object with these values and an RFC 3339 time, as podman reads it.
func record(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: record FILE LEVEL MSG")
	}
	var got struct {
		Level, Msg string
		Time       time.Time
	}
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &got))
	if got.Level != args[1] || got.Msg != args[2] || time.Since(got.Time).Abs() > time.Hour {
		ts.Fatalf("%+v", got)
	}
}

func TestFatalRecord(t *testing.T) {
	for _, msg := range []string{"", "a\nb", `"\`, "\x1b[31m", "h\xffi", "\u2028", strings.Repeat("x", 1<<16)} {
		var got struct {
			Level, Msg, Code string
			Time             time.Time
			Exit             int
		}
		record := fatalRecord(errors.New(msg))
		if err := json.Unmarshal([]byte(record), &got); err != nil {
			t.Fatalf("%q: %v", msg, err)
		}
		if got.Msg != strings.ToValidUTF8(msg, "\ufffd") || got.Level != "error" || got.Code != "E_USAGE" || got.Exit != 125 || got.Time.IsZero() {
			t.Errorf("%q: %+v", msg, got)
		}
		if strings.Count(record, "\n") != 1 {
			t.Errorf("%q is more than one line", record)
		}
	}
}

func TestPrintable(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"plain: words\n\tä€", "plain: words\n\tä€"},
		{"\x1b]0;title\x07", `\x1b]0;title\a`},
		{"a\rb\x00", `a\rb\x00`},
		{"\u202ereversed", `\u202ereversed`},
		{"\u009bC1", `\u009bC1`},
		{"bad \xff\xfe utf-8, good \ufffd", `bad \xff\xfe utf-8, good ` + "\ufffd"},
	} {
		if got := printable(c.text); got != c.want {
			t.Errorf("%q: %q, want %q", c.text, got, c.want)
		}
	}
}

// TestLogger has every combination of format, file and level, since each is somebody's parser.
func TestLogger(t *testing.T) {
	for _, c := range []struct {
		name         string
		g            globals
		file, stderr []string // parts that are there; nil: it is empty
	}{
		{"text on stderr", globals{logFormat: "text", logLevel: "warning"},
			nil, []string{"roost: warning: w a=1\n", "roost: broken\n"}},
		{"text in a file", globals{logFormat: "text", logLevel: "warning", logFile: "log"},
			[]string{`level=warning msg="w a=1"`, `level=error msg="broken"`}, []string{"roost: broken\n"}},
		{"text, errors only", globals{logFormat: "text", logLevel: "error", logFile: "log"},
			[]string{`level=error msg="broken"`}, []string{"roost: broken\n"}},
		{"text, debug", globals{logFormat: "text", logLevel: "warning", logFile: "log", debug: true},
			[]string{`level=debug msg="d"`, `level=error msg="broken"`}, []string{"roost: broken\n"}},
		{"json on stderr", globals{logFormat: "json", logLevel: "error"},
			nil, []string{`{"level":"error","msg":"broken","time":"`}},
		{"json in a file", globals{logFormat: "json", logLevel: "warning", logFile: "log"},
			[]string{`{"level":"error","msg":"broken","time":"`}, []string{"roost: broken\n"}},
		{"json, debug", globals{logFormat: "json", logLevel: "debug", logFile: "log"},
			[]string{`{"level":"error","msg":"broken","time":"`}, []string{"roost: broken\n"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			if c.g.logFile != "" {
				c.g.logFile = filepath.Join(dir, c.g.logFile)
			}
			stderr, err := os.Create(filepath.Join(dir, "stderr"))
			if err != nil {
				t.Fatal(err)
			}
			a := &app{stderr: stderr}
			if err := a.log.open(&c.g, stderr); err != nil {
				t.Fatal(err)
			}
			log := a.log.slog()
			log.Debug("d")
			log.With(slog.Int("a", 1)).Warn("w")
			a.report(errors.New("broken"))
			compare(t, filepath.Join(dir, "stderr"), c.stderr)
			compare(t, filepath.Join(dir, "log"), c.file)
		})
	}
}

// compare wants as many lines as parts when the format is one that machines read.
func compare(t *testing.T, name string, parts []string) {
	t.Helper()
	text, _ := os.ReadFile(name)
	if parts == nil && len(text) > 0 {
		t.Errorf("%s: %s", name, text)
	}
	for _, part := range parts {
		if !strings.Contains(string(text), part) {
			t.Errorf("no %q in %s: %s", part, name, text)
		}
	}
	if strings.Contains(string(text), "{") && strings.Count(string(text), "\n") != 1 {
		t.Errorf("%s has more than the record: %s", name, text)
	}
	if strings.Contains(name, "stderr") && strings.Contains(string(text), "debug") {
		t.Errorf("debug messages beside results: %s", text)
	}
}
