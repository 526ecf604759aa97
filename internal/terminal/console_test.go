package terminal

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// listen makes a listening socket at dir/name through the directory, since the path may be too long for an address.
func listen(t *testing.T, dir, name string, kind, backlog int) *os.File {
	t.Helper()
	fd, err := unix.Socket(unix.AF_UNIX, kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	socket := os.NewFile(uintptr(fd), name)
	t.Cleanup(func() { socket.Close() })
	short := filepath.Join(shortDir(t), "s")
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: short}); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(short, filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
	if kind == unix.SOCK_STREAM {
		if err := unix.Listen(fd, backlog); err != nil {
			t.Fatal(err)
		}
	}
	return socket
}

// shortDir is on the file system of every t.TempDir.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func TestSendConsole(t *testing.T) {
	deep := filepath.Join(t.TempDir(), strings.Repeat("directory/", 30))
	if err := os.MkdirAll(deep, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, dir, socket string }{
		{"short", shortDir(t), "console.sock"},
		{"long directory", deep, "s"},
		{"long name", shortDir(t), strings.Repeat("n", 255)},
		{"both long", deep, strings.Repeat("n", 200)},
	} {
		t.Run(c.name, func(t *testing.T) {
			listener := listen(t, c.dir, c.socket, unix.SOCK_STREAM, 1)
			master, slave := pty(t)
			if err := SendConsole(filepath.Join(c.dir, c.socket), master); err != nil {
				t.Fatal(err)
			}
			got, err := ReceiveConsole(accept(t, listener))
			if err != nil {
				t.Fatal(err)
			}
			defer got.Close()
			if got.Name() != "/dev/ptmx" {
				t.Errorf("name %q", got.Name())
			}
			if flags, err := unix.FcntlInt(got.Fd(), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
				t.Errorf("flags %#x, %v, want close-on-exec", flags, err)
			}
			if err := SetSize(got, 7, 9); err != nil {
				t.Fatal(err)
			}
			if rows, cols, _ := Size(slave); rows != 7 || cols != 9 {
				t.Error("another terminal arrived")
			}
		})
	}
}

// With a relative path, which callers pass too.
func TestSendConsoleHere(t *testing.T) {
	t.Chdir(shortDir(t))
	listener := listen(t, ".", "console.sock", unix.SOCK_STREAM, 1)
	master, _ := pty(t)
	if err := SendConsole("console.sock", master); err != nil {
		t.Fatal(err)
	}
	got, err := ReceiveConsole(accept(t, listener))
	if err != nil {
		t.Fatal(err)
	}
	got.Close()
}

func TestSendConsoleErrors(t *testing.T) {
	dir := shortDir(t)
	listen(t, dir, "deaf", unix.SOCK_STREAM, 1).Close()
	listen(t, dir, "datagram", unix.SOCK_DGRAM, 0)
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("n", 200)
	if err := os.WriteFile(filepath.Join(dir, long), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	master, _ := pty(t)
	before := openFiles(t)
	for _, c := range []struct {
		name string
		want error
	}{
		{"missing", unix.ENOENT}, {"missing" + long, unix.ENOENT}, {"", unix.ECONNREFUSED},
		{"deaf", unix.ECONNREFUSED}, {"file", unix.ECONNREFUSED}, {long, unix.ECONNREFUSED}, {"datagram", unix.EPROTOTYPE},
		{strings.Repeat("n", 256), unix.ENAMETOOLONG},
	} {
		path := filepath.Join(dir, c.name)
		err := SendConsole(path, master)
		if !errors.Is(err, c.want) || err != nil && !strings.HasPrefix(err.Error(), "console socket "+path+": ") {
			t.Errorf("%.20s: %v, want %v", c.name, err, c.want)
		}
	}
	if now := openFiles(t); now != before {
		t.Errorf("open now:\n%s\nbefore:\n%s", now, before)
	}
}

func TestListenerThatDoesNotAccept(t *testing.T) {
	dir := shortDir(t)
	listen(t, dir, "s", unix.SOCK_STREAM, 0)
	master, _ := pty(t)
	path := filepath.Join(dir, "s")
	var err error
	within(t, "sendConsole", func() {
		for range 10 { // a backlog of 0 still takes one
			if err = sendConsole(path, master, 20*time.Millisecond); err != nil {
				return
			}
		}
	})
	if !errors.Is(err, unix.ETIMEDOUT) {
		t.Errorf("error %v, want ETIMEDOUT", err)
	}
}

func TestReceiveConsoleRefuses(t *testing.T) {
	master, slave := pty(t)
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	for _, c := range []struct {
		name  string
		files []*os.File
	}{
		{"no file", nil}, {"two files", []*os.File{master, master}}, {"the other end", []*os.File{slave}}, {"no terminal", []*os.File{null}},
	} {
		t.Run(c.name, func(t *testing.T) {
			pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				t.Fatal(err)
			}
			ours, theirs := os.NewFile(uintptr(pair[0]), ""), pair[1]
			defer ours.Close()
			var fds []int
			for _, f := range c.files {
				_ = withFd(f, func(fd int) error { fds = append(fds, fd); return nil })
			}
			var control []byte
			if fds != nil {
				control = unix.UnixRights(fds...)
			}
			if err := unix.Sendmsg(theirs, []byte("x"), control, nil, 0); err != nil {
				t.Fatal(err)
			}
			unix.Close(theirs)
			before := openFiles(t)
			if got, err := ReceiveConsole(ours); err == nil {
				got.Close()
				t.Error("accepted")
			}
			if now := openFiles(t); now != before {
				t.Errorf("open now:\n%s\nbefore:\n%s", now, before)
			}
		})
	}
}

func accept(t *testing.T, listener *os.File) *os.File {
	t.Helper()
	var conn int
	err := withFd(listener, func(fd int) (err error) {
		conn, _, err = unix.Accept4(fd, unix.SOCK_CLOEXEC)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(conn), "connection")
	t.Cleanup(func() { f.Close() })
	return f
}
