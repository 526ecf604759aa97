package check

import (
	"errors"
	"os"
	"strings"

	"github.com/roost-run/roost/internal/sys"
)

// host is where files are read: below root, "" for this machine.
type host struct {
	root string
	env  func(string) string
}

func thisHost() host { return host{env: os.Getenv} }

// file is what a file says, whole.
func (h host) file(path string) (string, error) {
	b, err := sys.ReadProc(h.root + path)
	return string(b), err
}

// word is a file of one line: what it says, and whether it is there to be read.
func (h host) word(path string) setting {
	text, err := h.file(path)
	return setting{path: path, value: strings.TrimRight(strings.TrimSpace(text), "\x00"), err: err}
}

// field is one of a file with lines "Name: value", such as /proc/self/status.
func (h host) field(path, name string) setting {
	text, err := h.file(path)
	if err != nil {
		return setting{path: path, err: err}
	}
	for line := range strings.Lines(text) {
		if key, value, found := strings.Cut(line, ":"); found && key == name {
			return setting{path: path, value: strings.TrimSpace(value), name: name + ": "}
		}
	}
	return setting{path: path, err: os.ErrNotExist}
}

func (h host) exists(path string) bool {
	_, err := os.Lstat(h.root + path)
	return err == nil
}

// setting is a file and what it says.
type setting struct {
	path, value string
	err         error
	name        string // before the value, of one in many
}

// evidence is for an item.
func (s setting) evidence() Evidence {
	switch {
	case errors.Is(s.err, os.ErrNotExist):
		return Evidence{s.path, "(there is no such file)"}
	case s.err != nil:
		return Evidence{s.path, "(" + cause(s.err) + ")"}
	case s.value == "":
		return Evidence{s.path, "(empty)"}
	}
	return Evidence{s.path, s.name + s.value}
}

// cause is an error without the path that the evidence names already.
func cause(err error) string {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	return err.Error()
}

// plus adds the settings as evidence.
func (i Item) plus(settings ...setting) Item {
	for _, s := range settings {
		e := s.evidence()
		i = i.says(e.Source, e.Says)
	}
	return i
}
