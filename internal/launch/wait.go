package launch

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// Kill sends SIGKILL. It is safe at any time, also after the end. A second process that is not known yet is killed as soon as
// it is.
func (c *Child) Kill() {
	c.mu.Lock()
	c.killed = true
	c.mu.Unlock()
	_ = c.Signal(syscall.SIGKILL)
}

// Signal sends a signal to the process that counts. ESRCH once it has ended.
func (c *Child) Signal(sig syscall.Signal) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pidfd < 0 {
		return syscall.ESRCH
	}
	return unix.PidfdSendSignal(c.pidfd, sig, nil, 0)
}

// Wait blocks until the process that counts has ended. Only that pid is waited for: other children are not ours to reap.
// ECHILD: it is no child of ours, since it came from a [Builder.Fork] without CLONE_PARENT.
func (c *Child) Wait() (syscall.WaitStatus, error) {
	c.waiting.Lock()
	defer c.waiting.Unlock()
	if !c.exited {
		if _, err := wait4(c.Pid(), &c.status); err != nil {
			return 0, err
		}
		c.exited = true
		c.ended.Store(true)
	}
	return c.status, nil
}

// Ended reports whether Wait found it ended. It may be called at any time.
func (c *Child) Ended() bool { return c.ended.Load() }

// Close lets go of the pidfd.
func (c *Child) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pidfd < 0 {
		return
	}
	unix.Close(c.pidfd)
	c.pidfd = -1
}

// reap waits for what is left after a kill: the first process, too, where it has not made the second.
func (c *Child) reap() {
	if c.first != 0 && !c.exited {
		_, _ = wait4(c.first, &c.status)
		c.exited = true
	}
	if c.pid != 0 && c.pid != c.first && !c.exited {
		_, _ = wait4(c.pid, &c.status)
		c.exited = true
	}
}

func wait4(pid int, ws *syscall.WaitStatus) (int, error) {
	for {
		n, err := syscall.Wait4(pid, ws, 0, nil)
		if err != syscall.EINTR {
			return n, err
		}
	}
}
