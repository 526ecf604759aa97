package spec

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestReadFile(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		must(t, name, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	link := func(name, target string) string {
		path := filepath.Join(dir, name)
		must(t, name, os.Symlink(target, path))
		return path
	}
	fifo := filepath.Join(dir, "fifo")
	must(t, "mkfifo", unix.Mkfifo(fifo, 0o600))
	socket := filepath.Join(dir, "socket")
	must(t, "socket", unix.Mknod(socket, unix.S_IFSOCK|0o600, 0))
	huge := file("huge", "{")
	must(t, "truncate", os.Truncate(huge, 100<<20))
	good := file("good", "{}")

	for path, want := range map[string]string{
		good:                         "",
		link("link", good):           "",
		file("empty", ""):            "empty; write one with `roost spec`",
		filepath.Join(dir, "none"):   "is missing; go to the bundle's directory or name it with --bundle, or write one with `roost spec`",
		link("dangling", dir+"/n/a"): "is missing; go to the bundle's directory or name it with --bundle, or write one with `roost spec`",
		good + "/x":                  "is missing; go to the bundle's directory or name it with --bundle, or write one with `roost spec`",
		dir:                          "is a directory, not a regular file; put the configuration itself there",
		fifo:                         "is a FIFO, not a regular file; put the configuration itself there",
		socket:                       "is a socket or a device without a driver, not a regular file; put the configuration itself there",
		"/dev/null":                  "is a device, not a regular file; put the configuration itself there",
		link("zero", "/dev/zero"):    "is a device, not a regular file; put the configuration itself there",
		huge:                         "too large: 104857600 bytes, where at most 16777216 (16 MiB) are read; take out what has grown, most often an annotation",
		link("loop", dir+"/loop"):    "cannot be opened: too many levels of symbolic links",
	} {
		raw, err := ReadFile(path)
		switch {
		case want == "" && (err != nil || string(raw) != "{}"):
			t.Errorf("%s: %q, %v", path, raw, err)
		case want != "" && (err == nil || err.Error() != path+": "+want):
			t.Errorf("%s:\n got %v\nwant %s", path, err, want)
		case err != nil && strings.Contains(err.Error(), "no such file"):
			t.Errorf("%v: a caller would take it for a missing command", err)
		}
	}
	for _, path := range []string{filepath.Join(dir, "none"), good + "/x"} {
		if _, err := ReadFile(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%v is not fs.ErrNotExist", err)
		}
	}
}

// A file whose size fstat does not know is read to its end; one that grows is not read for ever.
func TestReadFileOfUnknownSize(t *testing.T) {
	raw, err := ReadFile("/proc/self/maps")
	if err != nil || len(raw) < 500 || bytes.Count(raw, []byte("\n")) < 10 {
		t.Errorf("%d bytes, %v", len(raw), err)
	}
}

func TestReadFileIsDenied(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("needs an ordinary user: root may read everything")
	}
	path := filepath.Join(t.TempDir(), "config.json")
	must(t, "write", os.WriteFile(path, []byte("{}"), 0))
	if _, err := ReadFile(path); !errors.Is(err, fs.ErrPermission) || err.Error() != path+": cannot be opened: permission denied" {
		t.Error(err)
	}
}

func TestReadFileLargest(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.json")
	must(t, "write", os.WriteFile(path, bytes.Repeat([]byte(" "), MaxSize), 0o600))
	if raw, err := ReadFile(path); err != nil || len(raw) != MaxSize {
		t.Error(len(raw), err)
	}
}
