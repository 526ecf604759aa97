package main

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/fault"
	"github.com/roost-run/roost/internal/strictjson"
	"github.com/roost-run/roost/runtime"
)

// report writes the error that ends the command: to the log in its format, and to stderr in words, except that a JSON
// log without a file is stderr itself and gets the record alone.
func (a *app) report(err error) {
	if a.log.json {
		record := fatalRecord(err)
		if a.log.file == nil {
			a.complain(record)
			return
		}
		a.log.file.WriteString(record)
	} else if a.log.file != nil {
		a.log.file.WriteString(textLine("error", err.Error()))
	}
	a.complain("roost: " + printable(err.Error()) + "\n")
}

// patience is how long a reader of stderr may stand still, in milliseconds. One that never goes on, with a pipe that the
// payload has filled, would keep us for ever.
const patience = 1000

func (a *app) complain(text string) {
	fds := []unix.PollFd{{Fd: int32(a.stderr.Fd()), Events: unix.POLLOUT}}
	if n, err := unix.Poll(fds, patience); n == 0 && err == nil {
		return
	}
	a.stderr.WriteString(text)
}

// fatalRecord is one line: containerd decodes a stream of such objects, podman exactly one. Both look at level, msg and time; the
// rest is in docs/errors.md. What is not known is left out.
func fatalRecord(err error) string {
	f := failureOf(err)
	b := append([]byte(nil), '{')
	text := func(key, value string) {
		if value != "" || key == "msg" {
			b = strictjson.AppendString(strictjson.AppendKey(b, key), value)
		}
	}
	number := func(key string, n int) { b = strictjson.AppendInt(strictjson.AppendKey(b, key), int64(n)) }
	text("level", "error")
	text("msg", err.Error())
	text("time", now())
	text("code", f.Code)
	text("kind", f.Kind)
	if f.Errno != 0 {
		number("errno", int(f.Errno))
	}
	number("exit", f.Exit)
	text("step", f.Step)
	text("path", f.Path)
	text("hint", f.Hint)
	return string(b) + "}\n"
}

// failureOf is the runtime's reading of an error. What it does not know is about the command line.
func failureOf(err error) runtime.Failure {
	f := runtime.FailureOf(err)
	if f.Code == "" {
		f.Code = string(fault.Usage)
	}
	return f
}

// printable makes escape sequences harmless: names in messages may come from inside a container, and are shown on
// somebody's terminal.
func printable(text string) string {
	if !strings.ContainsFunc(text, unprintable) && utf8.ValidString(text) {
		return text
	}
	var b strings.Builder
	for i, r := range text {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(text[i:], string(utf8.RuneError)):
			b.WriteString(`\x` + strconv.FormatUint(uint64(text[i]), 16))
		case unprintable(r):
			quoted := strconv.QuoteRune(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func unprintable(r rune) bool {
	return r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r))
}
