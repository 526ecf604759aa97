package launch

import (
	"context"
	"fmt"
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Drive does the parent's part until the child executes or, in a program without an execve, leaves the socket. On an error
// (a step's, an action's, the deadline, the context's end) the child is killed and waited for before Drive returns.
// An action is not interrupted by the context's end.
func (c *Child) Drive(ctx context.Context) error {
	stop, err := c.watch(ctx)
	if err == nil {
		err = c.drive()
	}
	if !stop() && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	c.mu.Lock()
	if c.wake >= 0 {
		unix.Close(c.wake)
		c.wake = -1
	}
	c.mu.Unlock()
	if err != nil {
		c.settle()
		c.Kill()
		c.reap()
	}
	unix.Close(c.conn)
	c.conn = -1
	return err
}

// watch makes the context's end wake drive up. Nothing is killed from there: only here, in one place, is it known what there
// is to be killed.
func (c *Child) watch(ctx context.Context) (stop func() bool, err error) {
	if ctx.Done() == nil {
		return func() bool { return true }, nil
	}
	c.wake, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		c.wake = -1
		return func() bool { return true }, os.NewSyscallError("eventfd", err)
	}
	return context.AfterFunc(ctx, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.wake >= 0 {
			_, _ = unix.Write(c.wake, []byte{1, 0, 0, 0, 0, 0, 0, 0}) // any number but 0
		}
	}), nil
}

func (c *Child) drive() error {
	done, executes := -1, false // the last sync point that was answered; whether the execve is next
	for {
		ev, err := c.next(c.deadline(done))
		if err == nil {
			err = c.meet(ev)
		}
		if err != nil {
			closeAll(ev.files)
			return err
		}
		switch ev.kind {
		case msgFailed:
			return c.stepError(ev.message)
		case msgForked: // meet has seen to it
		case msgSync:
			if err := c.answer(ev); err != nil {
				return err
			}
			done = int(ev.sync)
		case msgNote:
			c.notes = append(c.notes, int(ev.value))
		case msgExec:
			executes = executes || !c.prog.forks || ev.who != whoFirst
		case 0: // the socket ended
			if done < len(c.prog.syncs)-1 || c.pid == 0 || c.prog.execs && !executes {
				return c.died()
			}
			return nil
		default:
			return fmt.Errorf("unknown message %d from the child", ev.kind)
		}
	}
}

// deadline is the patience until the next sync point; after the last, the same until the execve, unless the program says
// otherwise. Whoever is not to hang because somebody stops the child must not hang there either.
func (c *Child) deadline(done int) time.Duration {
	last := len(c.prog.syncs) - 1
	switch {
	case done >= last && c.prog.rest != 0:
		return c.prog.rest
	case last < 0:
		return DefaultDeadline
	}
	return c.prog.syncs[min(done+1, last)].deadline
}

// meet learns of the second process: from what the first tells, or, if the second is faster or the first was killed before it
// told, from the kernel's word on who it is that speaks.
func (c *Child) meet(ev event) error {
	switch {
	case !c.prog.forks || c.pid != 0:
		return nil
	case ev.kind == msgForked:
		return c.adopt(int(ev.value))
	case ev.who == whoSecond:
		return c.adopt(ev.pid)
	}
	return nil
}

// adopt makes pid the process that counts. It is our own child (CLONE_PARENT), so its pid cannot be reused before we wait for
// it. The first process has only its end before it, and is helped to it: somebody may have stopped it.
func (c *Child) adopt(pid int) error {
	fd, err := unix.PidfdOpen(pid, 0)
	_ = c.Signal(syscall.SIGKILL)
	var ws syscall.WaitStatus
	_, _ = wait4(c.first, &ws)
	if err != nil {
		fd = -1
		// Out of descriptors, so Kill will not reach it. A child of ours that was not waited for is what its pid says.
		if unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil) == nil {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	c.mu.Lock()
	unix.Close(c.pidfd)
	c.first, c.pid, c.pidfd = 0, pid, fd
	killed := c.killed
	c.mu.Unlock()
	if killed {
		c.Kill()
	}
	return os.NewSyscallError("pidfd_open", err)
}

// grace is how long the first process may take to get from its fork to its end, once nothing more is asked of it.
const grace = 100 * time.Millisecond

// settle finds the second process when the launch has failed between its birth and our knowing it: killing the first then
// would leave the second to run, and to be nobody's zombie. So both are told to end (whoever waits at a sync point hears the
// socket's end), and what they say meanwhile is listened to. Only who does not end by itself is killed.
func (c *Child) settle() {
	if !c.prog.forks || c.pid != 0 {
		return
	}
	_ = unix.Shutdown(c.conn, unix.SHUT_WR)
	for tries := 0; c.pid == 0; {
		ev, err := c.next(grace)
		closeAll(ev.files)
		switch {
		case err == nil && ev.kind == 0:
			return // there is nobody else
		case err == nil:
			_ = c.meet(ev)
		case tries == 0:
			tries++
			c.Kill() // the first: it hangs, or was stopped
		default:
			return
		}
	}
}

func (c *Child) answer(ev event) error {
	if int(ev.sync) >= len(c.prog.syncs) {
		closeAll(ev.files)
		return fmt.Errorf("unknown sync point %d", ev.sync)
	}
	point := c.prog.syncs[ev.sync]
	var reply []byte
	var err error
	if point.action != nil {
		reply, err = point.action(c, ev.files)
	} else {
		closeAll(ev.files)
	}
	if err != nil {
		return err
	}
	if len(reply) > point.size { // the kernel would cut it silently
		return fmt.Errorf("%s: a reply of %d bytes, where there is space for %d", c.label(point.step), len(reply), point.size)
	}
	m := message{kind: msgGo, sync: ev.sync}
	packet := append(append([]byte(nil), unsafe.Slice((*byte)(unsafe.Pointer(&m)), messageSize)...), reply...)
	if err := unix.Send(c.conn, packet, unix.MSG_NOSIGNAL); err != nil && err != syscall.EPIPE {
		return os.NewSyscallError("send", err)
	}
	return nil // EPIPE: it is gone, and the socket's end tells
}

func (c *Child) stepError(m message) error {
	e := failure(m)
	e.Label = "place descriptors"
	if e.Index < len(c.prog.steps) {
		e.Label = c.label(e.Index)
	}
	e.Describe(c.prog)
	return e
}

// label is a step's, or its number in a program that was built Bare.
func (c *Child) label(i int) string {
	if i < len(c.prog.Steps) {
		return c.prog.Steps[i].Label
	}
	return fmt.Sprintf("step %d", i)
}

// died waits for the end and says how it was.
func (c *Child) died() error {
	c.Kill()
	c.reap()
	return diedError(c.status)
}
