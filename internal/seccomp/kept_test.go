package seccomp

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// desk is a state root, and a compiler that counts how often it is run.
type desk struct {
	root, dir string
}

func newDesk(t *testing.T) *desk {
	return &desk{root: t.TempDir(), dir: t.TempDir()}
}

// compiler installs one that answers with this file.
func (d *desk) compiler(t *testing.T, file []byte) {
	t.Helper()
	must(t, os.WriteFile(d.dir+"/answer", file, 0o600))
	d.script(t, "/bin/cat "+d.dir+"/answer")
}

func (d *desk) script(t *testing.T, text string) {
	t.Helper()
	must(t, os.WriteFile(d.dir+"/"+program, []byte("#!/bin/sh\necho run >>"+d.dir+"/runs\n"+text+"\n"), 0o755))
}

func (d *desk) runs() int {
	b, _ := os.ReadFile(d.dir + "/runs")
	return strings.Count(string(b), "\n")
}

// open asks for a filter; only the desk's own compiler can be found, unless this machine has one installed.
func (d *desk) open(raw string) (*Filter, error) {
	return open(context.Background(), d.root, []byte(raw), func() places { return places{exe: d.dir + "/roost"} })
}

func (d *desk) kept(raw string) string { return d.root + "/" + Directory + "/" + nameOf([]byte(raw)) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

const section = `{"defaultAction":"SCMP_ACT_ALLOW"}`

func TestOpen(t *testing.T) {
	d := newDesk(t)
	d.compiler(t, Encode(sample(), []byte(section)))
	for range 3 {
		f, err := d.open(section)
		if err != nil || !same(f, sample()) {
			t.Fatal(f, err)
		}
	}
	if n := d.runs(); n != 1 {
		t.Errorf("compiled %d times", n)
	}
	for path, want := range map[string]os.FileMode{d.root + "/" + Directory: 0o700 | os.ModeDir, d.kept(section): 0o600} {
		if info, err := os.Lstat(path); err != nil || info.Mode() != want {
			t.Errorf("%s: %v %v", path, info.Mode(), err)
		}
	}
	// Without a compiler, what is kept is enough.
	must(t, os.Remove(d.dir+"/"+program))
	if _, err := d.open(section); err != nil {
		t.Error(err)
	}
}

// Whatever is in the place of a kept file and is not exactly that is compiled anew, and replaced.
func TestTampered(t *testing.T) {
	good := Encode(sample(), []byte(section))
	other := &Filter{Insns: make([]byte, 8)}
	write := func(data []byte, mode os.FileMode) func(t *testing.T, path string) {
		return func(t *testing.T, path string) {
			must(t, os.WriteFile(path, data, mode))
			must(t, os.Chmod(path, mode))
		}
	}
	for name, plant := range map[string]func(t *testing.T, path string){
		"empty":                write(nil, 0o600),
		"cut off":              write(good[:len(good)-8], 0o600),
		"of another section":   write(Encode(other, []byte(`{"defaultAction":"SCMP_ACT_KILL"}`)), 0o600),
		"without a section":    write(Encode(other, nil), 0o600),
		"writable for others":  write(Encode(other, []byte(section)), 0o602),
		"readable for a group": write(Encode(other, []byte(section)), 0o640),
		"huge": func(t *testing.T, path string) {
			write(nil, 0o600)(t, path)
			must(t, os.Truncate(path, 1<<40))
		},
		"a link to a good one": func(t *testing.T, path string) {
			elsewhere := t.TempDir() + "/file"
			write(Encode(other, []byte(section)), 0o600)(t, elsewhere)
			must(t, os.Symlink(elsewhere, path))
		},
		"a FIFO": func(t *testing.T, path string) { must(t, unix.Mkfifo(path, 0o600)) },
		"another owner's": func(t *testing.T, path string) {
			if os.Geteuid() != 0 {
				t.Skip("root: only root can give a file away")
			}
			write(Encode(other, []byte(section)), 0o600)(t, path)
			must(t, os.Chown(path, 65534, 65534))
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			d.compiler(t, good)
			must(t, os.Mkdir(d.root+"/"+Directory, 0o700))
			plant(t, d.kept(section))
			for i := range 2 {
				f, err := d.open(section)
				if err != nil || !same(f, sample()) {
					t.Fatal(i, f, err)
				}
			}
			if n := d.runs(); n != 1 {
				t.Errorf("compiled %d times", n)
			}
		})
	}
}

// A directory that others could have filled is not looked into, nor written to.
func TestForeignDirectory(t *testing.T) {
	planted := Encode(&Filter{Insns: make([]byte, 8)}, []byte(section))
	for name, plant := range map[string]func(t *testing.T, path string){
		"writable for others": func(t *testing.T, path string) {
			must(t, os.Mkdir(path, 0o700))
			must(t, os.Chmod(path, 0o777))
		},
		"a link": func(t *testing.T, path string) { must(t, os.Symlink(t.TempDir(), path)) },
		"another owner's": func(t *testing.T, path string) {
			if os.Geteuid() != 0 {
				t.Skip("root: only root can give a directory away")
			}
			must(t, os.Mkdir(path, 0o700))
			must(t, os.Chown(path, 65534, 65534))
		},
		"a file": func(t *testing.T, path string) { must(t, os.WriteFile(path, nil, 0o600)) },
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			d.compiler(t, Encode(sample(), []byte(section)))
			plant(t, d.root+"/"+Directory)
			_ = os.WriteFile(d.kept(section), planted, 0o600)
			before, _ := os.ReadFile(d.kept(section))
			for range 2 {
				f, err := d.open(section)
				if err != nil || !same(f, sample()) {
					t.Fatal(f, err)
				}
			}
			if after, _ := os.ReadFile(d.kept(section)); string(after) != string(before) {
				t.Error("it was written to")
			}
			if n := d.runs(); n != 2 {
				t.Errorf("compiled %d times", n)
			}
		})
	}
}

func TestBounds(t *testing.T) {
	d := newDesk(t)
	name := func(i int) string { return fmt.Sprintf(`{"n":%d}`, i) }
	for i := range maxFilters + 10 {
		raw := name(i)
		keep(d.root, nameOf([]byte(raw)), Encode(sample(), []byte(raw)))
		at := time.Unix(int64(1000+i), 0)
		must(t, os.Chtimes(d.kept(raw), at, at))
	}
	entries, err := os.ReadDir(d.root + "/" + Directory)
	if err != nil || len(entries) != maxFilters {
		t.Errorf("%d files: %v", len(entries), err)
	}
	for i := range maxFilters + 10 {
		if _, err := os.Stat(d.kept(name(i))); (err == nil) != (i >= 10) {
			t.Errorf("file %d: %v", i, err)
		}
	}
	// Large ones push more out.
	for i := range 8 {
		raw := name(i) + strings.Repeat(" ", MaxSection-100)
		keep(d.root, nameOf([]byte(raw)), Encode(sample(), []byte(raw)))
	}
	total := int64(0)
	entries, _ = os.ReadDir(d.root + "/" + Directory)
	for _, e := range entries {
		info, _ := e.Info()
		total += info.Size()
	}
	if total > maxBytes || total < maxBytes/2 {
		t.Errorf("%d bytes in %d files", total, len(entries))
	}
	// What a crash left goes, too, but not what somebody just writes.
	old, young := d.root+"/"+Directory+"/.old.1", d.root+"/"+Directory+"/.young.1"
	must(t, os.WriteFile(old, nil, 0o600))
	must(t, os.WriteFile(young, nil, 0o600))
	must(t, os.Chtimes(old, time.Unix(1000, 0), time.Unix(1000, 0)))
	keep(d.root, nameOf([]byte(section)), Encode(sample(), []byte(section)))
	if _, err := os.Stat(old); err == nil {
		t.Error("a temporary file from long ago is there")
	}
	if _, err := os.Stat(young); err != nil {
		t.Error(err)
	}
}

// Many who want few filters at once, and none is ever half there.
func TestRace(t *testing.T) {
	d := newDesk(t)
	d.script(t, `exec /bin/sh -c 'IFS= read -r line; /bin/cat `+d.dir+`/answer.$line'`)
	sections := make([]string, 4)
	for i := range sections {
		sections[i] = fmt.Sprintf("%d\n", i)
		must(t, os.WriteFile(fmt.Sprintf("%s/answer.%d", d.dir, i), Encode(&Filter{Insns: make([]byte, 8*(i+1))}, []byte(sections[i])), 0o600))
	}
	var wg sync.WaitGroup
	for n := range 8 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for k := range 25 {
				i := (n + k) % len(sections)
				f, err := d.open(sections[i])
				if err != nil || len(f.Insns) != 8*(i+1) {
					t.Errorf("%d: %v %v", i, f, err)
				}
				if k%7 == 0 {
					_ = os.Remove(d.kept(sections[i]))
				}
			}
		}()
	}
	wg.Wait()
	if left, _ := filepath.Glob(d.root + "/" + Directory + "/.*"); len(left) > 0 {
		t.Error(left)
	}
}

// A root that cannot be written does not keep a container from its filter.
func TestReadOnlyRoot(t *testing.T) {
	d := newDesk(t)
	d.compiler(t, Encode(sample(), []byte(section)))
	d.root = "/proc/self"
	if f, err := d.open(section); err != nil || !same(f, sample()) {
		t.Error(f, err)
	}
}

func TestTooLarge(t *testing.T) {
	d := newDesk(t)
	_, err := d.open(strings.Repeat(" ", MaxSection+1))
	var bad *ProfileError
	if !errors.As(err, &bad) || !strings.HasPrefix(err.Error(), "linux.seccomp: ") || d.runs() != 0 {
		t.Error(err)
	}
}
