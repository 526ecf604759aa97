package main

import (
	"context"
	"log/slog"
	"os"
	"strconv"
	"syscall"
	"time"

	"github.com/roost-run/roost/internal/fault"
)

// logger takes the messages of the runtime, and at the end the fatal one.
//
// Engines decode the whole JSON log as one object, or take its last error (podman, containerd), and they read stderr
// together with results. So with --log-format=json there is the fatal record and nothing else, whatever the level;
// --debug is for text. In text everything of the level goes to the file, or to stderr without one.
type logger struct {
	file   *os.File // nil: stderr
	stderr *os.File
	json   bool
	level  slog.Level
	attrs  string
}

func (l *logger) open(g *globals, stderr *os.File) error {
	l.stderr, l.level = stderr, level(g.logLevel)
	if g.debug {
		l.level = slog.LevelDebug
	}
	if g.logFile != "" && g.logFile != "/dev/stderr" { // a symbolic link, which is not followed
		file, err := openLog(g.logFile)
		if err != nil {
			return err // in words: there is no log whose format could be kept
		}
		l.file = file
	}
	l.json = g.logFormat == "json"
	return nil
}

func openLog(name string) (*os.File, error) {
	// The file often lies in a directory that others can write: no link is followed, and no FIFO waited for.
	const how = os.O_WRONLY | os.O_APPEND | os.O_CREATE | syscall.O_NOFOLLOW | syscall.O_NONBLOCK | syscall.O_NOCTTY
	file, err := os.OpenFile(name, how, 0o644)
	if err != nil {
		return nil, fault.New(fault.System, "--log: %w", err)
	}
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() && name != os.DevNull {
		file.Close()
		return nil, fault.New(fault.System, "--log %s: not a regular file", name)
	}
	return file, nil
}

// errorsOnly drops what nobody asked for by --debug.
func (l *logger) errorsOnly() {
	if l.level > slog.LevelDebug {
		l.level = slog.LevelError
	}
}

func level(word string) slog.Level {
	switch word {
	case "error":
		return slog.LevelError
	case "info":
		return slog.LevelInfo
	case "debug":
		return slog.LevelDebug
	}
	return slog.LevelWarn
}

func (l *logger) slog() *slog.Logger { return slog.New(l) }

// Enabled implements slog.Handler.
func (l *logger) Enabled(_ context.Context, level slog.Level) bool {
	return !l.json && level >= l.level
}

// Handle implements slog.Handler.
func (l *logger) Handle(_ context.Context, r slog.Record) error {
	text := r.Message + l.attrs
	r.Attrs(func(attr slog.Attr) bool {
		text += attrText(attr)
		return true
	})
	word := levelWord(r.Level)
	var err error
	if l.file != nil {
		_, err = l.file.WriteString(textLine(word, text))
	} else {
		_, err = l.stderr.WriteString("roost: " + word + ": " + printable(text) + "\n")
	}
	return err
}

// WithAttrs implements slog.Handler.
func (l *logger) WithAttrs(attrs []slog.Attr) slog.Handler {
	with := *l
	for _, attr := range attrs {
		with.attrs += attrText(attr)
	}
	return &with
}

// WithGroup implements slog.Handler; the runtime names attributes without groups.
func (l *logger) WithGroup(string) slog.Handler { return l }

func attrText(attr slog.Attr) string {
	value := attr.Value.Resolve().String()
	if quoted := strconv.Quote(value); quoted != `"`+value+`"` {
		value = quoted
	}
	return " " + attr.Key + "=" + value
}

func levelWord(level slog.Level) string {
	switch {
	case level >= slog.LevelError:
		return "error"
	case level >= slog.LevelWarn:
		return "warning"
	case level >= slog.LevelInfo:
		return "info"
	}
	return "debug"
}

// textLine is a record in the form that readers of runc's text log know.
func textLine(level, msg string) string {
	return `time="` + now() + `" level=` + level + " msg=" + strconv.Quote(msg) + "\n"
}

// now is in UTC: the local zone would have to be read from /etc/localtime.
func now() string { return time.Now().UTC().Format(time.RFC3339) }
