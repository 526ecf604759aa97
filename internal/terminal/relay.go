package terminal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// ErrStalled is what [Relay.Finish] returns, wrapped, when the reader of the output stood still for too long.
var ErrStalled = errors.New("nobody reads it")

// patience is how long Finish waits for a reader that takes nothing at all. A connection that recovers must not cost
// the last lines of output, and one that does not must not keep a container that is gone from being cleared.
const patience = 10 * time.Second

// Relay copies between the caller's files and the master of a container's terminal, in two goroutines.
// Its methods may be called from any goroutine.
type Relay struct {
	master  *os.File // our own descriptor of it, non-blocking
	in, out *os.File // the caller's
	screen  *os.File // whichever of them is a terminal and so knows a size; or nil

	stopInput  wake
	dropOutput wake
	patience   time.Duration

	progress atomic.Int64  // bytes that out took
	drained  chan struct{} // closed when the output is delivered or dropped
	deaf     bool          // out takes no more; for the output goroutine

	users  atomic.Int32 // of the descriptors above; the last one closes them
	finish sync.Once
	result error
}

// Start begins to copy from in to the terminal behind master, and from it to out, either of which may be nil, and gives
// it the size of in or out, whichever is a terminal. The files stay the caller's, in's and out's modes unchanged;
// but master becomes non-blocking, so nobody else may use it until Finish.
//
// The payload sees the end of in as its terminal's end-of-file character; a terminal that hangs up is not an end.
// When out fails (a hang-up, a closed pipe) output is dropped, but the payload is never held up by that.
//
// An error (descriptors used up) means that nobody reads master: the payload would wait for ever, so end it.
func Start(master, in, out *os.File) (*Relay, error) { return start(master, in, out, patience) }

func start(master, in, out *os.File, patience time.Duration) (*Relay, error) {
	r := &Relay{in: in, out: out, patience: patience, drained: make(chan struct{})}
	if err := r.open(master); err != nil {
		return nil, fmt.Errorf("relay of terminal: %w", err)
	}
	for _, f := range []*os.File{in, out} {
		if f != nil && r.screen == nil && IsTerminal(f) {
			r.screen = f
		}
	}
	r.Resize()
	r.users.Store(2) // the output and Finish
	if in != nil {
		r.users.Add(1)
		go r.copyIn()
	}
	go r.copyOut()
	return r, nil
}

// open duplicates master: its *os.File may be one that Go believes to block, and those never wait in the poller.
func (r *Relay) open(master *os.File) (err error) {
	if r.stopInput, err = newWake(); err != nil {
		return err
	}
	if r.dropOutput, err = newWake(); err != nil {
		r.stopInput.close()
		return err
	}
	err = withFd(master, func(fd int) error {
		own, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			return os.NewSyscallError("fcntl", err)
		}
		if err := unix.SetNonblock(own, true); err != nil {
			_ = unix.Close(own)
			return os.NewSyscallError("fcntl", err)
		}
		r.master = os.NewFile(uintptr(own), master.Name())
		return nil
	})
	if err != nil {
		r.stopInput.close()
		r.dropOutput.close()
	}
	return err
}

// Resize gives the container's terminal the size of the caller's. Without one, or when it cannot tell, the size stays.
func (r *Relay) Resize() {
	if r.screen == nil {
		return
	}
	rows, cols, err := Size(r.screen)
	if err != nil || rows == 0 && cols == 0 {
		return
	}
	_ = SetSize(r.master, rows, cols) // after Finish it is closed: nobody looks any more
}

// Finish ends the relay. Precondition: the payload's main process has exited.
//
// What is in the terminal by then is still delivered, and no more: processes that outlived it may hold the terminal
// open for ever. A reader that takes nothing for ten seconds ends the wait, and so does ctx; the rest is dropped, and the
// error says so ([ErrStalled] or the cause of ctx). A reader that merely is slow is waited for.
func (r *Relay) Finish(ctx context.Context) error {
	r.finish.Do(func() {
		r.stopInput.happen()
		past := time.Unix(1, 0)
		_ = r.master.SetWriteDeadline(past) // a payload that never read its input
		_ = r.master.SetReadDeadline(past)  // from waiting for output to taking what is there
		if err := r.delivered(ctx); err != nil {
			r.result = fmt.Errorf("last output of terminal: %w", err)
			r.dropOutput.happen()
		}
		r.release()
	})
	return r.result
}

func (r *Relay) delivered(ctx context.Context) error {
	timer := time.NewTimer(r.patience)
	defer timer.Stop()
	for before := r.progress.Load(); ; {
		select {
		case <-r.drained:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-timer.C:
			now := r.progress.Load()
			if now == before {
				return fmt.Errorf("%w for %v", ErrStalled, r.patience)
			}
			before = now
			timer.Reset(r.patience)
		}
	}
}

func (r *Relay) release() {
	if r.users.Add(-1) > 0 {
		return
	}
	_ = r.master.Close()
	r.stopInput.close()
	r.dropOutput.close()
}
