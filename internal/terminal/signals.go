package terminal

import (
	"context"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"
)

// Signals are the signals of this process on their way to another one. One at a time: a process has
// but one set of signals. Its methods may be called from any goroutine.
type Signals struct {
	arrived chan os.Signal
	targets chan target
	ready   chan struct{} // closed when the ending signals are caught
	usual   chan struct{} // closed when the usual ones are, too
	done    chan struct{}
	stop    sync.Once
	cancel  context.CancelCauseFunc

	mu   sync.Mutex
	mode *mode // of the terminal that Raw was given
}

// target is where signals go.
type target struct {
	send    func(syscall.Signal) error
	onWinch func()
	dying   bool // the process is gone, and this is about us again
}

// Interrupted is the cause of the context of [Signals.Gone] when a signal ended it.
type Interrupted struct{ Signal syscall.Signal }

func (e Interrupted) Error() string { return "interrupted: " + e.Signal.String() }

// Catch begins to catch signals, and holds them until [Signals.Forward] says where they go. It returns at once;
// what takes its time happens beside the caller's work, see [Signals.Ready].
func Catch() *Signals {
	s := &Signals{
		// The kernel keeps one of each signal but the real-time ones; those may come in bursts.
		arrived: make(chan os.Signal, 4*lastSignal),
		targets: make(chan target),
		ready:   make(chan struct{}),
		usual:   make(chan struct{}),
		done:    make(chan struct{}),
	}
	go func() {
		catchEnding(s.arrived)
		close(s.ready)
		catchUsual(s.arrived)
		close(s.usual)
	}()
	go s.dispatch()
	return s
}

// Ready waits until the signals that end a program are caught (SIGTERM, SIGINT, SIGHUP, SIGQUIT): a process may be started,
// as nothing can end us now and leave it behind. SIGUSR1, SIGUSR2, SIGCONT, SIGTSTP and SIGWINCH are caught a fraction
// of a millisecond later, and when Forward returns; the rest, real-time ones for instance, 20 ms after Forward.
func (s *Signals) Ready() { <-s.ready }

// Forward hands send every signal from now on, and first what was held. That is each one that can be caught, but
// SIGCHLD, SIGPIPE, SIGTTIN, SIGTTOU, SIGURG, SIGPROF and those of the C libraries. Errors of send are dropped:
// the process is gone then.
//
// SIGWINCH goes to onWinch, if there is one; without, it is sent like the others, for a process on a terminal that it
// shares with us. SIGTSTP is sent, then stops this process as well, its terminal as it was; SIGCONT undoes both.
func (s *Signals) Forward(send func(syscall.Signal) error, onWinch func()) {
	<-s.usual
	s.aim(target{send: send, onWinch: onWinch})
}

// Raw makes the terminal f raw, like the function of that name, until Stop; but not while we are suspended.
func (s *Signals) Raw(f *os.File) error {
	m := &mode{file: f}
	s.mu.Lock()
	s.mode = m
	s.mu.Unlock()
	return m.enter()
}

// Gone says that the process has ended. Signals are not sent any more; one that asks a program to end (SIGTERM,
// SIGINT, SIGHUP, SIGQUIT) ends the context that this returns, with the cause [Interrupted], so that
// what is left to do is cut short, not cut off. Called again it returns a context of its own, for the next thing to do.
func (s *Signals) Gone(ctx context.Context) context.Context {
	ctx, cancel := context.WithCancelCause(ctx)
	s.mu.Lock()
	s.cancel = cancel
	s.mu.Unlock()
	s.aim(target{dying: true, send: func(sig syscall.Signal) error {
		if slices.Contains(ending[:], sig) {
			cancel(Interrupted{sig})
		}
		return nil
	}})
	return ctx
}

// Stop ends the forwarding and gives the terminal its mode back. It may be called often. Signals stay caught, since
// undoing it costs 2 ms at the end of a program that is about to exit anyway.
func (s *Signals) Stop() {
	s.stop.Do(func() { close(s.done) })
	s.mu.Lock()
	mode, cancel := s.mode, s.cancel
	s.mode = nil
	s.mu.Unlock()
	if mode != nil {
		mode.leave()
	}
	if cancel != nil {
		cancel(nil)
	}
}

func (s *Signals) aim(t target) {
	select {
	case s.targets <- t:
	case <-s.done:
	}
}

func (s *Signals) dispatch() {
	var (
		to   target
		held queue
		rest <-chan time.Time
	)
	for {
		select {
		case sig := <-s.arrived:
			held.add(sig.(syscall.Signal))
		case to = <-s.targets:
			if rest == nil && !to.dying {
				rest = time.After(settled)
			}
		case <-rest:
			go catchRest(s.arrived)
			rest = make(chan time.Time) // once
		case <-s.done:
			return
		}
		if to.send != nil {
			for _, sig := range held.take() {
				s.deliver(to, sig)
			}
		}
	}
}

func (s *Signals) deliver(to target, sig syscall.Signal) {
	if sig == syscall.SIGWINCH && to.onWinch != nil {
		to.onWinch()
		return
	}
	if sig == syscall.SIGCONT {
		s.resume(to)
	}
	_ = to.send(sig)
	if sig == syscall.SIGTSTP {
		s.suspend()
	}
}

// queue holds signals in the order of their arrival, as the kernel does with pending ones: each standard signal once.
type queue struct{ signals []syscall.Signal }

func (q *queue) add(sig syscall.Signal) {
	if sig < 32 {
		for _, held := range q.signals {
			if held == sig {
				return
			}
		}
	}
	q.signals = append(q.signals, sig)
}

func (q *queue) take() []syscall.Signal {
	signals := q.signals
	q.signals = nil
	return signals
}
