package bustest

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Daemon is a dbus-daemon.
type Daemon struct {
	Path string // of its socket
	t    testing.TB
	cmd  *exec.Cmd
	end  sync.Once // a test may end it while it is cleaned up
}

// Start starts one, which ends with the test. Without the program the test is skipped.
func Start(t testing.TB) *Daemon {
	t.Helper()
	program, err := exec.LookPath("dbus-daemon")
	if err != nil {
		t.Skip("needs dbus-daemon:", err)
	}
	d := &Daemon{Path: filepath.Join(dir(t), "bus"), t: t}
	d.cmd = exec.Command(program, "--session", "--nofork", "--nosyslog", "--address=unix:path="+d.Path)
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Kill)
	for range 2000 {
		if conn, err := net.Dial("unix", d.Path); err == nil {
			conn.Close()
			return d
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatal("dbus-daemon does not come up")
	return nil
}

// dir is short, since the path of a socket has 107 bytes at most.
func dir(t testing.TB) string {
	t.Helper()
	d, err := os.MkdirTemp("", "bus")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(d) })
	return d
}

// Stop keeps it from answering, and Kill ends it.
func (d *Daemon) Stop() { _ = d.cmd.Process.Signal(syscall.SIGSTOP) }

// Kill ends it with all its connections.
func (d *Daemon) Kill() {
	d.end.Do(func() {
		_ = d.cmd.Process.Kill()
		_ = d.cmd.Wait()
	})
}

// Listen is a socket whose connections are given to a function, one after the other; nil lets nobody in.
func Listen(t testing.TB, serve func(net.Conn)) (path string) {
	t.Helper()
	path = filepath.Join(dir(t), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	if serve == nil {
		return path
	}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { conn.Close() })
			serve(conn)
		}
	}()
	return path
}
