package integration

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"unsafe" //nolint:depguard // an ioctl that the wrappers lack, and no code of roost

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// agent decides about system calls of containers: whoever listens at a listenerPath.
type agent struct {
	path   string
	answer func(nr int) (value int64, errno int32, goOn bool)

	quits bool // it lets go of a filter as soon as it has it

	mu     sync.Mutex
	states []specs.ContainerProcessState
	seen   []int // numbers
	ended  sync.WaitGroup
	conns  []net.Conn
	listen *net.UnixListener
}

// newAgent listens. A nil answer lets every call go on.
func newAgent(t testing.TB, answer func(nr int) (int64, int32, bool)) *agent {
	t.Helper()
	if answer == nil {
		answer = func(int) (int64, int32, bool) { return 0, 0, true }
	}
	a := &agent{path: filepath.Join(tempDir(t), "agent"), answer: answer}
	var err error
	if a.listen, err = net.ListenUnix("unix", &net.UnixAddr{Name: a.path, Net: "unix"}); err != nil {
		t.Fatal(err)
	}
	a.ended.Add(1)
	go func() {
		defer a.ended.Done()
		for {
			conn, err := a.listen.AcceptUnix()
			if err != nil {
				return
			}
			a.mu.Lock()
			a.conns = append(a.conns, conn)
			a.mu.Unlock()
			a.ended.Add(1)
			go func() {
				defer a.ended.Done()
				if err := a.serve(conn); err != nil {
					t.Errorf("agent: %v", err)
				}
			}()
		}
	}()
	t.Cleanup(a.stop)
	return a
}

// stop waits for all containers: their filters have to be gone.
func (a *agent) stop() {
	a.listen.Close()
	a.ended.Wait()
}

// gone makes an agent go away whom somebody is still connected to.
func (a *agent) gone() {
	a.listen.Close()
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, c := range a.conns {
		c.Close()
	}
}

// serve takes one message with one descriptor, and answers until nobody is left below that filter.
func (a *agent) serve(conn *net.UnixConn) error {
	defer conn.Close()
	text, control := make([]byte, 1<<20), make([]byte, 128)
	n, nc, _, _, err := conn.ReadMsgUnix(text, control)
	if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) || err == nil && n == 0 {
		return nil // a container that was never started
	}
	if err != nil {
		return err
	}
	messages, err := unix.ParseSocketControlMessage(control[:nc])
	if err != nil || len(messages) != 1 {
		return errors.Join(err, errors.New("no descriptor came with the state"))
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		return errors.Join(err, errors.New("not one descriptor"))
	}
	defer unix.Close(fds[0])
	unix.CloseOnExec(fds[0])
	var state specs.ContainerProcessState
	if err := json.Unmarshal(text[:n], &state); err != nil {
		return fmt.Errorf("state %q: %w", text[:n], err)
	}
	a.mu.Lock()
	a.states = append(a.states, state)
	a.mu.Unlock()
	if !a.quits {
		if err := a.decide(fds[0]); err != nil {
			return err
		}
	}
	// The runtime had nothing more to say, and nobody has the other end any more.
	if rest, err := io.ReadAll(conn); err != nil || len(rest) > 0 {
		return fmt.Errorf("after the state: %q %w", rest, err)
	}
	return nil
}

// decide answers until nobody is below the filter any more.
func (a *agent) decide(fd int) error {
	for {
		fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		if _, err := unix.Poll(fds, -1); err == unix.EINTR {
			continue
		}
		if fds[0].Revents&unix.POLLIN == 0 {
			return nil
		}
		var n notification
		if err := notifyIoctl(fd, unix.SECCOMP_IOCTL_NOTIF_RECV, unsafe.Pointer(&n)); err == unix.ENOENT {
			continue // killed meanwhile
		} else if err != nil {
			return err
		}
		a.mu.Lock()
		a.seen = append(a.seen, int(n.nr))
		a.mu.Unlock()
		value, errno, goOn := a.answer(int(n.nr))
		r := response{id: n.id, value: value, errno: -errno}
		if goOn {
			r.flags = unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE
		}
		if err := notifyIoctl(fd, unix.SECCOMP_IOCTL_NOTIF_SEND, unsafe.Pointer(&r)); err != nil && err != unix.ENOENT {
			return err
		}
	}
}

// notification and response are struct seccomp_notif and seccomp_notif_resp.
type notification struct {
	id    uint64
	pid   uint32
	flags uint32
	nr    int32
	arch  uint32
	ip    uint64
	args  [6]uint64
}

type response struct {
	id    uint64
	value int64
	errno int32
	flags uint32
}

// notifyIoctl is one of the requests of seccomp_unotify(2), whose structures have to be zero before.
func notifyIoctl(fd int, request uintptr, p unsafe.Pointer) error {
	for {
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(p))
		if errno == unix.EINTR {
			continue
		}
		if errno != 0 {
			return errno
		}
		return nil
	}
}

// decided is what an agent saw so far.
func (a *agent) decided() (states []specs.ContainerProcessState, seen []int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append(states, a.states...), append(seen, a.seen...)
}

// notifying asks an agent about these calls.
func notifying(a *agent, names ...string) func(*specs.Spec) {
	p := denying(specs.ActNotify, names...)
	p.ListenerPath, p.ListenerMetadata = a.path, "what \"it\" is"
	return filtered(p)
}
