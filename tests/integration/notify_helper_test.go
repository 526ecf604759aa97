package integration

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// playNotify is a service that talks to its manager. Its arguments are what it does:
//
//	say TEXT            send, with \n for a newline and PID for its own pid
//	give N TEXT         the same with N pipes, in each of which its number waits to be read
//	barrier             wait until all that was sent has been taken
//	flood N             send N messages, as fast as they are taken
//	long N              send N bytes
//	env                 print what it was told
//	child TEXT          have a child say it, with PID for the child's pid, and wait until it has been taken
//	wait                wait for a line on standard input
//	file PATH           wait until there is such a file
//	beat PATH           send WATCHDOG=1 until there is such a file, then be silent for ever
func playNotify() error {
	argv := os.Args[1:]
	next := func() (word string) {
		word, argv = argv[0], argv[1:]
		return word
	}
	for len(argv) > 0 {
		var err error
		switch act := next(); act {
		case "say":
			err = tell(next())
		case "give":
			n, _ := strconv.Atoi(next())
			err = give(n, next())
		case "barrier":
			err = barrier()
		case "flood":
			n, _ := strconv.Atoi(next())
			for i := 0; i < n && err == nil; i++ {
				err = tell(fmt.Sprintf("STATUS=%d", i))
			}
		case "long":
			n, _ := strconv.Atoi(next())
			err = tell("STATUS=" + strings.Repeat("x", n-len("STATUS=")))
		case "env":
			own := os.Getenv("WATCHDOG_PID") == strconv.Itoa(os.Getpid())
			fmt.Printf("socket %s, watchdog %s, ours %v\n", os.Getenv("NOTIFY_SOCKET"), os.Getenv("WATCHDOG_USEC"), own)
		case "child":
			cmd := exec.Command("/helper", "say", next(), "barrier")
			cmd.Stderr = os.Stderr
			err = cmd.Run()
		case "wait":
			_, err = os.Stdin.Read(make([]byte, 1))
		case "file":
			for path := next(); !exists(path); {
				time.Sleep(20 * time.Millisecond)
			}
		case "beat":
			for path := next(); ; time.Sleep(200 * time.Millisecond) {
				if !exists(path) && err == nil {
					err = tell("WATCHDOG=1")
				}
			}
		default:
			err = errors.New("what?")
		}
		if err != nil {
			return fmt.Errorf("with %d to go: %w", len(argv), err)
		}
	}
	return nil
}

func tell(text string, files ...int) error {
	text = strings.NewReplacer(`\n`, "\n", "PID=PID", "PID="+strconv.Itoa(os.Getpid())).Replace(text)
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	var rights []byte
	if len(files) > 0 {
		rights = unix.UnixRights(files...)
	}
	return unix.Sendmsg(fd, []byte(text), rights, &unix.SockaddrUnix{Name: os.Getenv("NOTIFY_SOCKET")}, unix.MSG_NOSIGNAL)
}

func give(n int, text string) error {
	var files []int
	for i := range n {
		var p [2]int
		if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
			return err
		}
		if _, err := unix.Write(p[1], fmt.Append(nil, i)); err != nil {
			return err
		}
		files = append(files, p[0])
	}
	return tell(text, files...)
}

// barrier is sd_notify_barrier(3).
func barrier() error {
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		return err
	}
	if err := tell("BARRIER=1", p[1]); err != nil {
		return err
	}
	unix.Close(p[1])
	fds := []unix.PollFd{{Fd: int32(p[0])}}
	for {
		n, err := unix.Poll(fds, 20000)
		if err == unix.EINTR {
			continue
		}
		if n == 0 {
			err = errors.New("nobody takes what was sent")
		}
		return err
	}
}

// message is what arrived at a service manager.
type message struct {
	text   string
	files  []*os.File
	sender int
}

// manager plays systemd: a socket in a directory, or an abstract one.
type manager struct {
	t        testing.TB
	fd       int
	address  string
	messages chan message
}

// newManager listens; hold, if not nil, is waited for before each message is let go of.
func newManager(t testing.TB, address string, hold chan struct{}) *manager {
	t.Helper()
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PASSCRED, 1); err != nil {
		t.Fatal(err)
	}
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: address}); err != nil {
		t.Fatal(err)
	}
	if address[0] == '/' {
		if err := os.Chmod(address, 0o777); err != nil { // as systemd does
			t.Fatal(err)
		}
	}
	m := &manager{t: t, fd: fd, address: address, messages: make(chan message, 10000)}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for m.receive(hold) {
		}
	}()
	t.Cleanup(func() {
		unix.Shutdown(fd, unix.SHUT_RD)
		<-ended
		unix.Close(fd)
		close(m.messages)
		for rest := range m.messages {
			rest.close()
		}
	})
	return m
}

func (m *manager) receive(hold chan struct{}) bool {
	text, control := make([]byte, 8192), make([]byte, 4096)
	n, nc, _, _, err := unix.Recvmsg(m.fd, text, control, unix.MSG_CMSG_CLOEXEC)
	if err == unix.EINTR {
		return true
	}
	if err != nil || n == 0 {
		return false
	}
	if hold != nil {
		<-hold
	}
	got := message{text: string(text[:n])}
	list, _ := unix.ParseSocketControlMessage(control[:nc])
	for i := range list {
		if u, err := unix.ParseUnixCredentials(&list[i]); err == nil {
			got.sender = int(u.Pid)
		}
		if fds, err := unix.ParseUnixRights(&list[i]); err == nil {
			for _, fd := range fds {
				got.files = append(got.files, os.NewFile(uintptr(fd), "given"))
			}
		}
	}
	if got.text == "BARRIER=1" { // all before it has been taken
		got.close()
	}
	m.messages <- got
	return true
}

func (g message) close() {
	for _, f := range g.files {
		f.Close()
	}
}

// next is the next message.
func (m *manager) next() message {
	m.t.Helper()
	select {
	case got := <-m.messages:
		return got
	case <-time.After(patience):
		m.t.Fatal("no message comes")
		return message{}
	}
}

// wants compares the texts that come next.
func (m *manager) wants(texts ...string) {
	m.t.Helper()
	for _, want := range texts {
		got := m.next()
		got.close()
		if got.text != want {
			m.t.Errorf("%q arrived, want %q", got.text, want)
		}
	}
}

// silent fails for what has come that nobody wanted.
func (m *manager) silent() {
	m.t.Helper()
	select {
	case got := <-m.messages:
		got.close()
		m.t.Errorf("%q arrived as well", got.text)
	default:
	}
}
