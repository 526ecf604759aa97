package terminal

import (
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"
)

// Being told of a signal costs Go 15 to 40 µs for each, as two threads hand over to one another (os/signal, ensureSigM): all
// of them are 1.5 ms and more, which is a third of a container's whole life. So they come in three parts.

// ending are the signals that would end us if they were not caught, and by which a program is asked to end.
// They are caught before the process exists.
var ending = [...]syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT}

// usual are the others that programs are commonly sent. They are caught while the process is being made, or in its first
// moments: a supervisor may send one as soon as it hears that the process is ready.
var usual = [...]syscall.Signal{syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGCONT, syscall.SIGTSTP, syscall.SIGWINCH}

// settled is the age of a process from which on the rest of the signals is forwarded as well. Go catches them from the
// start and does nothing, so until then they do no harm; and most processes that end sooner never cost us a call.
const settled = 20 * time.Millisecond

const lastSignal = 64 // SIGRTMAX, and the last that os/signal knows: mips has 127, of which Go can catch no more

// catchEnding leaves out what was ignored when we were started: nohup, or the background of a shell without
// job control, asked that a hang-up or ^C does not end this. (Go can tell for these two alone.)
func catchEnding(to chan<- os.Signal) {
	wanted := make([]os.Signal, 0, len(ending))
	for _, sig := range ending {
		if !signal.Ignored(sig) {
			wanted = append(wanted, sig)
		}
	}
	signal.Notify(to, wanted...)
}

func catchUsual(to chan<- os.Signal) {
	wanted := make([]os.Signal, 0, len(usual))
	for _, sig := range usual {
		wanted = append(wanted, sig)
	}
	signal.Notify(to, wanted...)
}

func catchRest(to chan<- os.Signal) {
	rest := make([]os.Signal, 0, lastSignal)
	for sig := syscall.Signal(1); sig <= lastSignal; sig++ {
		if !slices.Contains(ending[:], sig) && !slices.Contains(usual[:], sig) && !isOurs(sig) {
			rest = append(rest, sig)
		}
	}
	signal.Notify(to, rest...)
}

// isOurs tells the signals that are about this process itself, and are never forwarded.
func isOurs(sig syscall.Signal) bool {
	switch sig {
	case syscall.SIGKILL, syscall.SIGSTOP: // nobody can catch them
		return true
	case syscall.SIGCHLD: // our children
		return true
	case syscall.SIGPIPE: // our writes
		return true
	case syscall.SIGTTIN, syscall.SIGTTOU: // our use of the terminal: caught, it would be tried again at once, for ever
		return true
	case syscall.SIGURG: // Go's preemption of goroutines
		return true
	case syscall.SIGPROF: // Go's profiler, which takes it before os/signal could
		return true
	case 32, 33, 34: // those of the C libraries, which Go leaves to them
		return true
	}
	return false
}
