package idmap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// patience is how long a program may take when the context has no deadline. The
// id helpers ask directory servers.
const patience = 30 * time.Second

// maxOutput is more than any of the programs says.
const maxOutput = 1 << 20

// ended is how a program came to its end. Code is -1 when nobody could tell: a
// process that imports us may reap our children (wait4(-1), SIGCHLD ignored).
type ended struct {
	code   int
	signal syscall.Signal
	output string
}

// String is what it said last, or its status where it said nothing.
func (e ended) String() string {
	switch text := strings.TrimSpace(e.output); {
	case text != "":
		return strings.ReplaceAll(text, "\n", "; ")
	case e.signal != 0:
		return "killed by signal " + strconv.Itoa(int(e.signal))
	default:
		return "exit status " + strconv.Itoa(e.code)
	}
}

// run runs a program with a minimal environment and reads what it says on both
// outputs. It uses ForkExec and not os/exec: os.StartProcess first forks once
// more to find out about pidfds, which a start on the hot path pays for.
func run(ctx context.Context, path string, args []string) (ended, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	pid, output, err := start(path, args)
	if err != nil {
		return ended{}, fmt.Errorf("%s: %w", path, err)
	}
	child := child{pid: pid}
	stop := context.AfterFunc(ctx, func() {
		child.kill()
		// A process that the program left behind may hold the pipe open.
		output.SetReadDeadline(time.Unix(1, 0))
	})
	defer stop()
	text, readErr := io.ReadAll(io.LimitReader(output, maxOutput))
	output.Close()
	e := child.wait()
	e.output = string(text)
	switch {
	case ctx.Err() != nil:
		return e, fmt.Errorf("%s: %w", path, ctx.Err())
	case readErr != nil:
		return e, fmt.Errorf("%s: read its output: %w", path, readErr)
	}
	return e, nil
}

func start(path string, args []string) (pid int, output *os.File, err error) {
	null, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, nil, fmt.Errorf("/dev/null: %w", err)
	}
	defer unix.Close(null)
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
		return 0, nil, fmt.Errorf("pipe: %w", err)
	}
	defer unix.Close(ends[1])
	// Only our end: the two share no file description, so the program's blocks.
	if err := unix.SetNonblock(ends[0], true); err != nil {
		unix.Close(ends[0])
		return 0, nil, fmt.Errorf("pipe: %w", err)
	}
	output = os.NewFile(uintptr(ends[0]), "output of "+path)
	pid, err = syscall.ForkExec(path, append([]string{path}, args...), &syscall.ProcAttr{
		Dir:   "/",
		Env:   []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"},
		Files: []uintptr{uintptr(null), uintptr(ends[1]), uintptr(ends[1])},
	})
	if err != nil {
		output.Close()
		return 0, nil, err
	}
	return pid, output, nil
}

// child is a process that is killed at most until it is reaped.
type child struct {
	pid    int
	mu     sync.Mutex
	reaped bool
}

func (c *child) kill() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.reaped {
		// A setuid program keeps our real uid, so that kill(2) allows it.
		unix.Kill(c.pid, unix.SIGKILL)
	}
}

// wait first waits without reaping, so that kill never meets a number that
// belongs to somebody else by now.
func (c *child) wait() ended {
	for errors.Is(unix.Waitid(unix.P_PID, c.pid, nil, unix.WEXITED|unix.WNOWAIT, nil), unix.EINTR) {
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reaped = true
	var status syscall.WaitStatus
	for {
		_, err := syscall.Wait4(c.pid, &status, 0, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case err != nil:
			return ended{code: -1}
		case status.Signaled():
			return ended{code: 128 + int(status.Signal()), signal: status.Signal()}
		}
		return ended{code: status.ExitStatus()}
	}
}
