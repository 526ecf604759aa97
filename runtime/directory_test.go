package runtime

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRemove takes away what is in a container's directory, whatever it is, and nothing outside.
func TestRemove(t *testing.T) {
	s := &Store{root: t.TempDir()}
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.MkdirAll(outside+"/kept", 0o755); err != nil {
		t.Fatal(err)
	}
	path := s.root + "/x"
	err := errors.Join(
		os.MkdirAll(path+"/rootfs/a/b/c", 0o755), os.MkdirAll(path+"/state.json/d", 0o755), os.MkdirAll(path+"/"+strings.Repeat("d/", 100), 0o755),
		os.Symlink(outside, path+"/config.json"), os.Symlink(outside, path+"/rootfs/a/link"), os.Symlink("/", path+"/rootfs/up"),
		os.WriteFile(path+"/rootfs/a/file", nil, 0), os.WriteFile(path+"/exit", nil, 0o600),
	)
	if err != nil {
		t.Fatal(err)
	}
	d, err := s.openDirectory("x")
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	before := len(descriptors())
	if err := d.remove(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	if _, err := os.Stat(outside + "/kept"); err != nil {
		t.Errorf("outside: %v", err)
	}
	if after := len(descriptors()); after != before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}

// TestRemoveDeep: a tree that was made to be deeper than we may have descriptors is an error, not a crash.
func TestRemoveDeep(t *testing.T) {
	s := &Store{root: t.TempDir()}
	path := s.root + "/x"
	if err := os.MkdirAll(path+"/rootfs"+strings.Repeat("/d", maxDepth+50), 0o700); err != nil {
		t.Fatal(err)
	}
	d, err := s.openDirectory("x")
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	if err := d.remove(); err == nil || !strings.Contains(err.Error(), "rm -rf "+path) {
		t.Error(err)
	}
}

// TestWriteIsWhole: a file is there as a whole or as it was before.
func TestWriteIsWhole(t *testing.T) {
	s := &Store{root: t.TempDir()}
	if err := os.Mkdir(s.root+"/x", 0o700); err != nil {
		t.Fatal(err)
	}
	d, err := s.openDirectory("x")
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	for _, text := range []string{"one", "", strings.Repeat("x", 1<<20)} {
		if err := d.write("file", []byte(text)); err != nil {
			t.Fatal(err)
		}
		if got, err := d.read("file"); err != nil || string(got) != text {
			t.Errorf("%d bytes, %v", len(got), err)
		}
	}
	if err := os.Mkdir(s.root+"/x/directory", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := d.write("directory", nil); err == nil {
		t.Error("a directory was replaced by a file")
	}
	entries, err := os.ReadDir(s.root + "/x")
	if err != nil || len(entries) != 2 {
		t.Errorf("left beside: %v, %v", entries, err)
	}
	st, err := os.Stat(s.root + "/x/file")
	if err != nil || st.Mode().Perm() != 0o600 {
		t.Error(st.Mode(), err)
	}
}

// TestPidFile is readable for all, replaces what is there, follows no link, and harms nothing beside it.
func TestPidFile(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{".pid", ".pid.tmp", "other", ".profile"} {
		put(t, dir+"/"+name, "kept")
	}
	if err := os.Symlink(dir+"/other", dir+"/pid"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"pid", "pid", "profile"} {
		if err := writePidFile(dir+"/"+name, 4711); err != nil {
			t.Fatal(err)
		}
		raw, err := os.ReadFile(dir + "/" + name)
		st, err2 := os.Lstat(dir + "/" + name)
		if err != nil || err2 != nil || string(raw) != "4711" || st.Mode() != 0o644 {
			t.Errorf("%q, %v, %v", raw, st.Mode(), errors.Join(err, err2))
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 6 {
		t.Errorf("%v, %v", entries, err)
	}
	for _, name := range []string{".pid", ".pid.tmp", "other", ".profile"} {
		if raw, err := os.ReadFile(dir + "/" + name); err != nil || string(raw) != "kept" {
			t.Errorf("%s: %q, %v", name, raw, err)
		}
	}
}
