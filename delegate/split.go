package delegate

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/fault"
	"github.com/roost-run/roost/internal/sys"
)

// Split moves the processes of Dir into supervisor/ below it, this one included, so that controllers can be enabled in Dir. With
// every other mode it does nothing. Processes that are born meanwhile are moved too; the context bounds how long that goes on.
func (g *Grant) Split(ctx context.Context) error {
	if g.Mode != Split {
		return nil
	}
	dir := g.Dir.Name()
	to := path.Join(dir, supervisor)
	if err := unix.Mkdir(to, 0o755); err != nil && err != unix.EEXIST {
		return fault.New(fault.Cgroup, "%w", &os.PathError{Op: "mkdir", Path: to, Err: err})
	}
	for {
		left, err := move(dir, to)
		if err != nil || left == 0 {
			return fault.Mark(fault.Cgroup, err)
		}
		select {
		case <-ctx.Done():
			return fault.New(fault.Cgroup, "%s: processes come faster than they are moved to %s: %w", dir, supervisor, ctx.Err())
		case <-time.After(time.Millisecond):
		}
	}
}

// move is one round; it tells how many processes it found.
func move(from, to string) (found int, err error) {
	b, err := sys.ReadProc(path.Join(from, "cgroup.procs"))
	if err != nil {
		return 0, err
	}
	procs, err := os.OpenFile(path.Join(to, "cgroup.procs"), os.O_WRONLY, 0)
	if err != nil {
		return 0, err
	}
	defer procs.Close()
	for _, pid := range strings.Fields(string(b)) {
		found++
		if pid == "0" {
			return 0, fmt.Errorf("%s: a process of an outer pid namespace is in it, which cannot be moved from here", from)
		}
		if _, err := procs.WriteString(pid); err != nil && !errors.Is(err, unix.ESRCH) {
			return 0, fmt.Errorf("move process %s to %s: %w", pid, supervisor, err)
		}
	}
	return found, nil
}
