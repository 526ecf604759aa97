package notify

import (
	"fmt"
	"os"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// maxFiles is how many descriptors a message can have: SCM_MAX_FD of the kernel.
	maxFiles = 253

	// patience is how long the service manager may take to take a message, and at the end, to take the last ones.
	patience = 5 * time.Second
)

// Relay stands between a container and a service manager.
type Relay struct {
	in, out int // sockets
	to      Address
	done    chan struct{}
	end     sync.Once
	outside func(sender int) Outside
	warn    func(string)
	warned  bool
}

// Listen makes the socket with this name in a directory. Everybody may send to it who gets there.
func Listen(dir int, name string, to Address) (*Relay, error) {
	r := &Relay{in: -1, out: -1, to: to}
	if err := r.listen("/proc/self/fd/"+strconv.Itoa(dir)+"/"+name, dir, name); err != nil {
		r.close()
		return nil, fmt.Errorf("socket for readiness messages: %w", err)
	}
	return r, nil
}

func (r *Relay) listen(path string, dir int, name string) (err error) {
	if r.in, err = unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err != nil {
		return os.NewSyscallError("socket", err)
	}
	if r.out, err = unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err != nil {
		return os.NewSyscallError("socket", err)
	}
	limit := unix.NsecToTimeval(patience.Nanoseconds())
	if err := unix.SetsockoptTimeval(r.out, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &limit); err != nil {
		return os.NewSyscallError("setsockopt SO_SNDTIMEO", err)
	}
	// Who sends, as we see it; and what tells an empty message from the end, see run.
	if err := unix.SetsockoptInt(r.in, unix.SOL_SOCKET, unix.SO_PASSCRED, 1); err != nil {
		return os.NewSyscallError("setsockopt SO_PASSCRED", err)
	}
	if err := unix.Bind(r.in, &unix.SockaddrUnix{Name: path}); err != nil {
		return os.NewSyscallError("bind", err)
	}
	return os.NewSyscallError("fchmodat", unix.Fchmodat(dir, name, 0o666, 0))
}

// Start begins to pass on. Outside is asked what numbers mean in a message of the process sender, which may have ended already;
// warn is told, once, that something could not be passed on.
func (r *Relay) Start(outside func(sender int) Outside, warn func(string)) {
	r.outside, r.warn, r.done = outside, warn, make(chan struct{})
	go r.run()
}

// Finish passes on what has come in up to now, and ends. Who sends afterwards gets an error. It takes no longer than a few
// seconds, whatever the service manager does.
func (r *Relay) Finish() { r.end.Do(r.finish) }

func (r *Relay) finish() {
	if r.done != nil {
		_ = unix.Shutdown(r.in, unix.SHUT_RD) // wakes run up when there is nothing more
		select {
		case <-r.done:
		case <-time.After(patience):
			return // it holds the descriptors
		}
	}
	r.close()
}

func (r *Relay) close() {
	for _, fd := range []int{r.in, r.out} {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
	r.in, r.out = -1, -1
}

func (r *Relay) run() {
	defer close(r.done)
	text := make([]byte, MaxMessage+2) // one for a NUL, and one to see that it is longer
	control := make([]byte, unix.CmsgSpace(4*maxFiles)+unix.CmsgSpace(unix.SizeofUcred))
	for {
		n, nc, flags, _, err := unix.Recvmsg(r.in, text, control, unix.MSG_CMSG_CLOEXEC)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			r.complain(os.NewSyscallError("recvmsg", err))
			return
		case n == 0 && nc == 0: // the end: every message says who sends it
			return
		}
		r.pass(text[:n], control[:nc], flags)
	}
}

// pass deals with one message and lets go of its descriptors.
func (r *Relay) pass(text, control []byte, flags int) {
	sender, files := credentials(control)
	defer func() {
		for _, fd := range files {
			unix.Close(fd)
		}
	}()
	if flags&(unix.MSG_TRUNC|unix.MSG_CTRUNC) != 0 {
		return // not all of it is here: longer than is allowed, or more descriptors than we may have
	}
	out, withFiles := Rewrite(string(text), len(files), r.outside(sender))
	if out == "" {
		return
	}
	var rights []byte
	if withFiles {
		rights = unix.UnixRights(files...)
	}
	for {
		err := unix.Sendmsg(r.out, []byte(out), rights, &unix.SockaddrUnix{Name: string(r.to)}, unix.MSG_NOSIGNAL)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			r.complain(fmt.Errorf("%s: %w", r.to, err))
		}
		return
	}
}

// complain tells the first time: a container decides how often this would be.
func (r *Relay) complain(err error) {
	if !r.warned {
		r.warned = true
		r.warn("readiness messages are not passed on: " + err.Error())
	}
}

// credentials reads what came beside a message.
func credentials(control []byte) (sender int, files []int) {
	messages, _ := unix.ParseSocketControlMessage(control)
	for i := range messages {
		if u, err := unix.ParseUnixCredentials(&messages[i]); err == nil {
			sender = int(u.Pid)
		}
		if fds, err := unix.ParseUnixRights(&messages[i]); err == nil {
			files = append(files, fds...)
		}
	}
	return sender, files
}
