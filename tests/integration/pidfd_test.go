package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// received is what came over a --pidfd-socket.
type received struct {
	name string
	pid  int // of the process that the pidfd is of
	err  error
}

// listenForPidfd makes a socket, and takes one pidfd from it.
func listenForPidfd(t testing.TB) (path string, got <-chan received) {
	t.Helper()
	path = filepath.Join(tempDir(t), "socket")
	l, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(l) })
	limit := unix.NsecToTimeval(patience.Nanoseconds())
	_ = unix.SetsockoptTimeval(l, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &limit)
	if err := unix.Bind(l, &unix.SockaddrUnix{Name: path}); err != nil {
		t.Fatal(err)
	}
	if err := unix.Listen(l, 1); err != nil {
		t.Fatal(err)
	}
	c := make(chan received, 1)
	go func() {
		name, pid, err := receivePidfd(l)
		c <- received{name, pid, err}
	}()
	return path, c
}

func receivePidfd(l int) (name string, pid int, err error) {
	conn, _, err := unix.Accept4(l, unix.SOCK_CLOEXEC)
	if err != nil {
		return "", 0, err
	}
	defer unix.Close(conn)
	b, control := make([]byte, 4096), make([]byte, 64)
	n, nc, _, _, err := unix.Recvmsg(conn, b, control, unix.MSG_CMSG_CLOEXEC)
	if err != nil {
		return "", 0, err
	}
	messages, err := unix.ParseSocketControlMessage(control[:nc])
	if err != nil || len(messages) != 1 {
		return "", 0, fmt.Errorf("%d messages, %w", len(messages), err)
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		return "", 0, fmt.Errorf("%d descriptors, %w", len(fds), err)
	}
	defer unix.Close(fds[0])
	raw, err := os.ReadFile("/proc/self/fdinfo/" + strconv.Itoa(fds[0]))
	for _, l := range lines(string(raw)) {
		if word, ok := strings.CutPrefix(l, "Pid:"); ok {
			pid, err = strconv.Atoi(strings.TrimSpace(word))
		}
	}
	return string(b[:n]), pid, err
}

func TestPidfdSocket(t *testing.T) {
	needRoost(t)
	await := func(what string, c <-chan received, name string, pid int) {
		t.Helper()
		select {
		case got := <-c:
			if got.err != nil || got.pid != pid || got.name != name {
				t.Errorf("%s: %+v, want %s and %d", what, got, name, pid)
			}
		case <-time.After(patience):
			t.Fatalf("%s: nothing came", what)
		}
	}
	bundle := newBundle(t, sh(sleeper))
	id := newID(t)
	socket, got := listenForPidfd(t)
	must(t, "create", "--pidfd-socket", socket, "--bundle", bundle, id)
	await("create", got, "standard", state(t, id).Pid)
	must(t, "delete", "--force", id)

	socket, got = listenForPidfd(t)
	must(t, "run", "--detach", "--pidfd-socket", socket, "--bundle", bundle, id)
	await("run", got, "standard", state(t, id).Pid)

	socket, got = listenForPidfd(t)
	file := filepath.Join(tempDir(t), "pid")
	must(t, "exec", "--detach", "--pidfd-socket", socket, "--pid-file", file, id, "/bin/sleep", "1000")
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(string(raw))
	if err != nil {
		t.Fatal(err)
	}
	await("exec", got, "setns", pid)
	refuse(t, []string{"pidfd socket /no/such/socket", "no such file or directory"}, "exec", "--pidfd-socket", "/no/such/socket", id, "/bin/true")
	must(t, "delete", "--force", id)
	refuse(t, []string{"pidfd socket /no/such/socket", "no such file or directory"}, "run", "--pidfd-socket", "/no/such/socket", "--bundle", bundle, newID(t))
}
