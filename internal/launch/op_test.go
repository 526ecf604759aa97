package launch

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

func messageAt(p []byte, i int) message { return *(*message)(unsafe.Pointer(&p[i*messageSize])) }

func number10(n int) string { return strconv.Itoa(n) }

func TestVerify(t *testing.T) {
	file := filepath.Join(t.TempDir(), "null")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	fifo := file + "-fifo"
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	null := Device(1, 3)
	for _, c := range []struct {
		name  string
		path  string
		kind  int
		value uint64
		want  error
	}{
		{"null", "/dev/null", IsCharDevice, null, nil},
		{"another device", "/dev/zero", IsCharDevice, null, syscall.EXDEV},
		{"minor for major", "/dev/null", IsCharDevice, Device(3, 1), syscall.EXDEV},
		{"a file called null", file, IsCharDevice, null, syscall.EXDEV},
		{"a directory as a device", "/dev", IsCharDevice, null, syscall.EXDEV},
		{"proc", "/proc", OnFilesystem, unix.PROC_SUPER_MAGIC, nil},
		{"not proc", "/", OnFilesystem, unix.PROC_SUPER_MAGIC, syscall.EXDEV},
		{"a file of proc", "/proc/self/status", OnFilesystem, unix.PROC_SUPER_MAGIC, nil},
		{"directory", "/", IsDirectory, 0, nil},
		{"no directory", "/dev/null", IsDirectory, 0, syscall.EXDEV},
		{"a character device as a block device", "/dev/null", IsBlockDevice, null, syscall.EXDEV},
		{"FIFO", fifo, IsFIFO, 0, nil},
		{"no FIFO", file, IsFIFO, 0, syscall.EXDEV},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := compile(t, 0, func(b *Builder) {
				fd := b.Slot()
				b.Call("open", unix.SYS_OPENAT, Const(unix.AT_FDCWD), b.String(c.path), Const(unix.O_PATH)).Out(fd)
				b.Verify("verify", fd.Arg(), c.kind, c.value)
				b.Stop(0)
			})
			if _, err := start(t, p); !errors.Is(err, c.want) {
				t.Errorf("%v, not %v", err, c.want)
			}
		})
	}
}

// TestVerifyCwd leaves the root through a descriptor, as CVE-2024-21626 did.
func TestVerifyCwd(t *testing.T) {
	root := t.TempDir()
	for _, outside := range []bool{false, true} {
		p := compile(t, unix.CLONE_NEWUSER, func(b *Builder) {
			fd := b.Slot()
			b.Call("open", unix.SYS_OPENAT, Const(unix.AT_FDCWD), b.String("/"), Const(unix.O_PATH)).Out(fd)
			b.Call("chroot", unix.SYS_CHROOT, b.String(root))
			b.Call("chdir", unix.SYS_CHDIR, b.String("/"))
			if outside {
				b.Call("fchdir", unix.SYS_FCHDIR, fd.Arg())
			}
			b.Verify("verify", Const(-1), CwdInside, 0)
			b.Stop(0)
		})
		if _, err := start(t, p); errors.Is(err, syscall.EXDEV) != outside {
			t.Errorf("outside: %v, %v", outside, err)
		}
	}
}

func TestWriteAll(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789abcdef"), 1<<16) // more than any pipe holds at once
	p := compile(t, 0, func(b *Builder) {
		b.WriteAll("write", Const(1), data)
		b.Stop(0)
	})
	r, w := pipe(t)
	got := make(chan []byte)
	go func() {
		all, _ := io.ReadAll(r)
		got <- all
	}()
	finish(t, p, File{w, 1, false})
	w.Close()
	if !bytes.Equal(<-got, data) {
		t.Error("what arrived is something else")
	}
}

func TestWriteAllFails(t *testing.T) {
	p := compile(t, 0, func(b *Builder) {
		b.WriteAll("write", Const(1), make([]byte, 1<<20))
		b.Stop(0)
	})
	if _, err := start(t, p); !errors.Is(err, syscall.EBADF) {
		t.Error("closed:", err)
	}
	if _, err := start(t, p, File{open(t, "/dev/full", os.O_WRONLY), 1, false}); !errors.Is(err, syscall.ENOSPC) {
		t.Error("full:", err)
	}
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_NONBLOCK|unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(ends[0])
	w := os.NewFile(uintptr(ends[1]), "pipe")
	defer w.Close()
	if _, err := start(t, compile(t, 0, func(b *Builder) {
		b.Call("do not block", unix.SYS_FCNTL, Const(1), Const(unix.F_SETFL), Const(unix.O_NONBLOCK))
		b.WriteAll("write", Const(1), make([]byte, 1<<20))
	}), File{w, 1, false}); !errors.Is(err, syscall.EAGAIN) {
		t.Error("slow reader, not blocking:", err)
	}
}

func TestWaitStatus(t *testing.T) {
	for _, c := range []struct {
		name string
		end  func(*Builder)
		want uint64
	}{
		{"exits", func(b *Builder) { b.Stop(5) }, 5 << 8},
		{"is killed", func(b *Builder) {
			pid := b.Slot()
			b.Call("who", unix.SYS_GETPID).Out(pid)
			b.Call("kill", unix.SYS_KILL, pid.Arg(), Const(syscall.SIGKILL))
		}, 9},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := compile(t, 0, func(b *Builder) {
				pid, status, parent := b.Slot(), b.Slot(), b.Label()
				b.Spawn("fork", 0, pid, parent)
				c.end(b)
				b.Place(parent)
				b.Wait("wait", pid.Arg(), time.Minute).Out(status)
				tellTo(b, 5, status.Arg())
				b.Stop(0)
			})
			r, w := pipe(t)
			finish(t, p, File{w, 5, false})
			said := make([]byte, messageSize)
			if _, err := io.ReadFull(r, said); err != nil {
				t.Fatal(err)
			}
			if m := messageAt(said, 0); m.kind != kindTest || m.value != c.want {
				t.Errorf("the wait status is %#x, not %#x", m.value, c.want)
			}
		})
	}
}

func TestWaitDeadline(t *testing.T) {
	p := compile(t, 0, func(b *Builder) {
		pid, late, parent := b.Slot(), b.Label(), b.Label()
		b.Spawn("fork", 0, pid, parent)
		b.Call("pause", unix.SYS_PPOLL, Const(0), Const(0), Const(0), Const(0), Const(8))
		b.Place(parent)
		b.Wait("wait", pid.Arg(), 20*time.Millisecond).On(late, syscall.ETIMEDOUT)
		b.Stop(1)
		b.Place(late)
		b.Call("kill", unix.SYS_KILL, pid.Arg(), Const(syscall.SIGKILL))
		b.Wait("wait again", pid.Arg(), time.Minute)
		b.Stop(42)
	})
	if ws := finish(t, p); ws.ExitStatus() != 42 {
		t.Error(ws)
	}
	none := compile(t, 0, func(b *Builder) { b.Wait("wait", Const(-1), time.Second) })
	if _, err := start(t, none); !errors.Is(err, syscall.EINVAL) {
		t.Error("no such pid:", err)
	}
}

func TestFind(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	for name, mode := range map[string]os.FileMode{"plain": 0o644, "script": 0o755, "second": 0o755} {
		if err := os.WriteFile(at(name), []byte("#!/bin/sh\necho $0\n"), mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(at("dir"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(at("fifo"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("script", at("link")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		paths []string
		found string
		want  error
	}{
		{"first", []string{"script", "second"}, "script", nil},
		{"skips what is missing", []string{"none", "plain/x", "second", "script"}, "second", nil},
		{"skips what is not executable", []string{"plain", "dir", "fifo", "script"}, "script", nil},
		{"link", []string{"link"}, "link", nil},
		{"missing", []string{"none", "none2"}, "", syscall.ENOENT},
		{"below a file", []string{"plain/x"}, "", syscall.ENOENT},
		{"not executable", []string{"plain", "none"}, "", syscall.EACCES},
		{"fifo", []string{"fifo"}, "", syscall.EACCES},
		{"directory", []string{"none", "dir"}, "", syscall.EISDIR},
		{"nothing to look at", nil, "", syscall.ENOENT},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := compile(t, 0, func(b *Builder) {
				paths := make([]string, len(c.paths))
				for i, name := range c.paths {
					paths[i] = at(name)
				}
				exe := b.Slot()
				b.Find("find", paths).Out(exe)
				b.ExecNext()
				b.Call("execute", unix.SYS_EXECVE, exe.Arg(), b.Pointers([]Arg{b.String("x")}), b.Pointers(nil))
			})
			if c.want != nil {
				if _, err := start(t, p); !errors.Is(err, c.want) {
					t.Errorf("%v, not %v", err, c.want)
				}
			} else if text, _ := output(t, p); text != at(c.found)+"\n" {
				t.Errorf("%q was executed, not %q", text, c.found)
			}
		})
	}
}
