package notify

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// manager is a service manager's socket; it hands out the texts that come in, in their order, and how many descriptors came.
func manager(t *testing.T) (Address, chan string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: path}); err != nil {
		t.Fatal(err)
	}
	got := make(chan string, 10000)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		b, control := make([]byte, 8192), make([]byte, 4096)
		for {
			n, nc, _, _, err := unix.Recvmsg(fd, b, control, unix.MSG_CMSG_CLOEXEC)
			if err != nil || n == 0 {
				return
			}
			_, files := credentials(control[:nc])
			for _, f := range files {
				unix.Close(f)
			}
			got <- fmt.Sprintf("%s %d", b[:n], len(files))
		}
	}()
	t.Cleanup(func() {
		unix.Shutdown(fd, unix.SHUT_RD)
		<-ended
		unix.Close(fd)
	})
	return Address(path), got
}

// relay is one to the address, and the socket address to send to.
func relay(t *testing.T, to Address) (*Relay, *unix.SockaddrUnix, chan string) {
	t.Helper()
	path := t.TempDir()
	dir, err := unix.Open(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(dir)
	r, err := Listen(dir, "socket", to)
	if err != nil {
		t.Fatal(err)
	}
	warnings := make(chan string, 100)
	r.Start(func(int) Outside { return outside }, func(s string) { warnings <- s })
	if info, err := os.Stat(path + "/socket"); err != nil || info.Mode().Perm() != 0o666 {
		t.Errorf("the socket: %v %v", info.Mode(), err)
	}
	return r, &unix.SockaddrUnix{Name: path + "/socket"}, warnings
}

func send(t *testing.T, to *unix.SockaddrUnix, text string, files ...int) error {
	t.Helper()
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	var rights []byte
	if files != nil {
		rights = unix.UnixRights(files...)
	}
	return unix.Sendmsg(fd, []byte(text), rights, to, unix.MSG_NOSIGNAL)
}

// TestRelay: what is sent arrives in its order, with its descriptors, and what is left when it ends does, too.
func TestRelay(t *testing.T) {
	before := open(t)
	to, got := manager(t)
	r, socket, warnings := relay(t, to)
	var want []string
	for _, m := range []struct {
		text  string
		files []int
		want  string
	}{
		{"READY=1\nMAINPID=1", nil, "READY=1\nMAINPID=1001 0"},
		{"", nil, ""},
		{"", []int{0}, ""},
		{"X=1", []int{0, 1}, ""},
		{"FDSTORE=1\nFDNAME=a", []int{0, 1, 2}, "FDSTORE=1\nFDNAME=a 3"},
		{"FDSTORE=1", slices.Repeat([]int{0}, maxFiles), "FDSTORE=1 253"},
		{strings.Repeat("READY=1\n", 1000), nil, ""},
		{"STATUS=x", []int{0}, "STATUS=x 0"},
		{"BARRIER=1", []int{0}, "BARRIER=1 1"},
	} {
		if err := send(t, socket, m.text, m.files...); err != nil {
			t.Errorf("%q: %v", m.text, err)
		}
		if m.want != "" {
			want = append(want, m.want)
		}
	}
	r.Finish()
	for _, w := range want {
		select {
		case text := <-got:
			if text != w {
				t.Errorf("%q, want %q", text, w)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("%q does not arrive", w)
		}
	}
	if err := send(t, socket, "READY=1"); err == nil {
		t.Error("somebody still listens")
	}
	select {
	case w := <-warnings:
		t.Error(w)
	default:
	}
	if after := open(t); after > before+1 { // the manager's
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}

// TestRelayFinishIdle: the end comes at once when nothing is under way.
func TestRelayFinishIdle(t *testing.T) {
	to, _ := manager(t)
	r, _, _ := relay(t, to)
	time.Sleep(20 * time.Millisecond) // it waits for a message
	began := time.Now()
	r.Finish()
	if time.Since(began) > patience/2 {
		t.Error("it had to be waited for")
	}
}

// TestRelayWithoutManager: one complaint, however often the container sends.
func TestRelayWithoutManager(t *testing.T) {
	r, socket, warnings := relay(t, Address(t.TempDir()+"/gone"))
	for range 50 {
		if err := send(t, socket, "WATCHDOG=1"); err != nil {
			t.Fatal(err)
		}
	}
	r.Finish()
	if len(warnings) != 1 || !strings.Contains(<-warnings, "no such file or directory") {
		t.Errorf("%d warnings", len(warnings))
	}
}

// TestRelayHungManager: a manager that takes nothing holds us up for a few seconds, and no longer.
func TestRelayHungManager(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: path}); err != nil {
		t.Fatal(err)
	}
	r, socket, _ := relay(t, Address(path))
	filled := make(chan error)
	go func() { // blocks when both queues are full
		for {
			if err := send(t, socket, "WATCHDOG=1"); err != nil {
				filled <- err
				return
			}
		}
	}()
	time.Sleep(200 * time.Millisecond)
	began := time.Now()
	r.Finish()
	if took := time.Since(began); took > 3*patience {
		t.Errorf("it took %v", took)
	}
	select {
	case <-filled:
	case <-time.After(10 * time.Second):
		t.Error("the sender is not let go")
	}
}

func TestParse(t *testing.T) {
	for value, ok := range map[string]bool{
		"/run/systemd/notify": true, "@abstract": true, "/" + strings.Repeat("x", 106): true, "/" + strings.Repeat("x", 107): false,
		"": false, "@": false, "relative": false, "vsock:2:3": false, "/a\x00b": false, "vsock-stream:2:1": false,
	} {
		a, err := Parse(value)
		if (err == nil) != ok {
			t.Errorf("%q: %v", value, err)
		}
		if ok && (a.Abstract() == (a.Path() != "")) {
			t.Errorf("%q: path %q, abstract %v", value, a.Path(), a.Abstract())
		}
	}
}

func open(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// TestFamily finds processes below a pid namespace of their own, and in ours.
func TestFamily(t *testing.T) {
	cmd := exec.Command("unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", "sleep 1000 & sleep 1001 & echo up; wait")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Skipf("unshare: %v", err)
	}
	defer func() {
		cmd.Process.Kill()
		cmd.Wait()
	}()
	if n, _ := out.Read(make([]byte, 3)); n == 0 {
		t.Skip("unshare: user namespaces are not to be had")
	}
	first := firstChild(cmd.Process.Pid)
	sleeper := firstChild(first)
	inside := pidsOf(sleeper)
	if len(inside) < 2 || inside[len(inside)-1] != 2 {
		t.Fatalf("%d is %v", sleeper, inside)
	}
	f := &Family{First: first}
	for _, c := range []struct{ sender, pid, want int }{
		{first, 1, os.Getpid()},   // we stand for it
		{sleeper, 1, os.Getpid()}, // also where another says so
		{sleeper, 2, sleeper},     // itself
		{first, 2, sleeper},       // found by looking around
		{sleeper, 3, 0},           // and that only from time to time
		{first, 4711, 0},          // nobody
		{os.Getpid(), 1, 0},       // of another pid namespace
		{0, 1, os.Getpid()},       // it has ended since
	} {
		got, ok := f.Outside(c.sender, c.pid)
		if got != c.want || ok != (c.want != 0) {
			t.Errorf("%d says %d: %d, want %d", c.sender, c.pid, got, c.want)
		}
	}
	f = &Family{First: first, Init: true}
	if got, _ := f.Outside(sleeper, 2); got != os.Getpid() {
		t.Errorf("the process below an init: %d", got)
	}
	f = &Family{First: cmd.Process.Pid} // which is in our own pid namespace
	for pid, want := range map[int]int{cmd.Process.Pid: os.Getpid(), sleeper: sleeper, os.Getpid(): 0, 1: 0, 0: 0} {
		if got, _ := f.Outside(sleeper, pid); got != want {
			t.Errorf("in our pid namespace %d: %d, want %d", pid, got, want)
		}
	}
	if usec, ok := f.Clock(12345678); usec != 12345678 || !ok {
		t.Error("a clock without offset is changed:", usec, ok)
	}
}

func TestOffset(t *testing.T) {
	for text, want := range map[string]int64{
		"": 0, "monotonic           0         0\nboottime            7         0\n": 0,
		"monotonic         100 500000000\nboottime 0 0\n": 100500000, "monotonic -2 500000000\n": -1500000, "monotonic x y": 0,
	} {
		if got := parseOffset(text); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}
