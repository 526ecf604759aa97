package runtime

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDefaultRoot with real directories. Where it goes without XDG_RUNTIME_DIR is a matter of who asks.
func TestDefaultRoot(t *testing.T) {
	dir := t.TempDir()
	uid := os.Geteuid()
	sub := func(name string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.Mkdir(path, mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(sub("target", 0o700), link); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "file")
	put(t, file, "")
	good := sub("good", 0o700)
	foreign := "/" // root's, and nobody's who may write it
	if uid == 0 {
		foreign = sub("foreign", 0o700)
		if err := os.Chown(foreign, 12345, 12345); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct{ name, xdg, want string }{
		{"good", good, good + "/roost"},
		{"with a slash", good + "/", good + "/roost"},
		{"readable for all", sub("readable", 0o755), filepath.Join(dir, "readable") + "/roost"},
		{"foreign", foreign, "!belongs to user"},
		{"group-writable", sub("group", 0o770), "!is writable for others (mode 0770)"},
		{"world-writable", sub("world", 0o1777), "!is writable for others"},
		{"symbolic link", link, "!is not a directory"},
		{"file", file, "!is not a directory"},
		{"missing", filepath.Join(dir, "missing"), "!is not there"},
		{"below a file", file + "/x", "!not a directory"},
		{"NUL", good + "\x00", "!"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if strings.Contains(test.xdg, "\x00") {
				t.Skip("an environment variable cannot hold it")
			}
			t.Setenv("XDG_RUNTIME_DIR", test.xdg)
			got, err := DefaultRoot()
			words, refused := strings.CutPrefix(test.want, "!")
			switch {
			case uid == 0 && isMachineRoot():
				if got != "/run/roost" || err != nil {
					t.Errorf("the machine's root: %q, %v", got, err)
				}
			case !refused:
				if got != test.want || err != nil {
					t.Errorf("%q, %v", got, err)
				}
			case err == nil || !strings.Contains(err.Error(), words) || !strings.Contains(err.Error(), fmt.Sprintf("/run/user/%d or /tmp/roost-%d", uid, uid)):
				t.Errorf("%q, %v", got, err)
			}
			if err := ownDirectory(strings.TrimRight(test.xdg, "/")); refused != (err != nil) {
				t.Errorf("ownDirectory: %v", err)
			}
		})
	}
	t.Run("none", func(t *testing.T) {
		for _, unset := range []bool{true, false} {
			t.Setenv("XDG_RUNTIME_DIR", "")
			if unset {
				os.Unsetenv("XDG_RUNTIME_DIR")
			}
			login := fmt.Sprintf("/run/user/%d", uid)
			want := fmt.Sprintf("/tmp/roost-%d", uid)
			switch {
			case uid == 0:
				want = "/run/roost"
			case ownDirectory(login) == nil:
				want = login + "/roost"
			}
			if got, err := DefaultRoot(); got != want || err != nil {
				t.Errorf("%q, %v; not %q", got, err, want)
			}
		}
	})
}

// TestOpen: the state root is made closed to others, and one that is not is refused.
func TestOpen(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a", "b", "state")
	if _, err := Open(path, nil); err != nil {
		t.Fatal(err)
	}
	st, err := os.Stat(path)
	if err != nil || st.Mode() != os.ModeDir|os.ModeSticky|0o700 {
		t.Error(st.Mode(), err)
	}
	if _, err := Open(path, nil); err != nil {
		t.Errorf("again: %v", err)
	}
	open := filepath.Join(dir, "open")
	if err := errors.Join(os.Mkdir(open, 0o777), os.Chmod(open, 0o777)); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "file")
	put(t, file, "")
	for _, bad := range []string{open, link, file, file + "/below", "/", "/../", "/proc/state"} {
		if s, err := Open(bad, nil); err == nil {
			t.Errorf("%s was taken: %+v", bad, s)
		} else if !strings.Contains(err.Error(), "choose another --root") {
			t.Errorf("%s: no remedy: %v", bad, err)
		}
	}
}
