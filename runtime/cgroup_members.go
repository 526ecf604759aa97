package runtime

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/cgroupv2"
	"github.com/roost-run/roost/internal/sys"
)

// group opens the container's cgroup; nil where it has none, or where that is gone.
func (c *Container) group() *cgroupv2.Group {
	d, err := c.store.openDirectory(c.id)
	if err != nil {
		return nil
	}
	defer d.close()
	g, err := d.openGroup()
	if err != nil {
		return nil
	}
	return g
}

// membersOf are the processes in a cgroup and below it. The kernel answers 0 for those that our pid namespace does not show.
func membersOf(g *cgroupv2.Group) (list []member, err error) {
	pids, err := g.Processes()
	if err != nil {
		return nil, err
	}
	slices.Sort(pids)
	for _, pid := range slices.Compact(pids) {
		if st, err := readStat(pid); err == nil && !st.dead() {
			list = append(list, member{pid, st.start})
		}
	}
	return list, nil
}

// signalCgroup sends to every process in the container's cgroup; not done where it has none. SIGKILL goes by the kernel's own way, which
// no fork escapes (cgroup.kill). With other signals, who is born meanwhile gets it in another round, until a round finds nobody new.
func (c *Container) signalCgroup(ctx context.Context, sig syscall.Signal) (done bool, err error) {
	g := c.group()
	if g == nil {
		return false, nil
	}
	defer g.Close()
	if sig == unix.SIGKILL {
		return true, g.Kill()
	}
	const rounds = 10 // a container that forks for ever is not to hold us for ever
	seen := make(map[int]bool)
	var errs []error
	for range rounds {
		pids, err := g.Processes()
		if err != nil {
			return true, err
		}
		grown := false
		for _, pid := range pids {
			if seen[pid] || ctx.Err() != nil {
				continue
			}
			seen[pid], grown = true, true
			if err := signalIn(g, pid, sig); err != nil && !errors.Is(err, unix.ESRCH) {
				errs = append(errs, fmt.Errorf("process %d: %w", pid, err))
			}
		}
		if !grown || sig == 0 {
			break
		}
	}
	return true, errors.Join(append(errs, ctx.Err())...)
}

// signalIn signals a process if it is in the cgroup: the pidfd comes first, so it is that very process that is looked at.
func signalIn(g *cgroupv2.Group, pid int, sig syscall.Signal) error {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	own, err := cgroupOf(strconv.Itoa(pid))
	if err != nil || !within(own, g.Path()) {
		return unix.ESRCH
	}
	return unix.PidfdSendSignal(fd, sig, nil, 0)
}

// cgroupOf is the path of a process's cgroup in the file system.
func cgroupOf(pid string) (string, error) {
	mount, err := cgroupv2.Mount()
	if err != nil {
		return "", err
	}
	b, err := sys.ReadProc("/proc/" + pid + "/cgroup")
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(b)) {
		if own, ok := strings.CutPrefix(line, "0::"); ok {
			return strings.TrimSuffix(mount+strings.TrimSuffix(own, "\n"), "/"), nil
		}
	}
	return "", cgroupv2.ErrNoMount
}
