package idmap

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"
)

// WriteByHelpers has newuidmap and newgidmap write the maps of the process's
// user namespace, both at the same time. The process must be our child and not yet
// reaped (its number must stay its own), dumpable (or /proc/PID is root's, which
// stops helpers with file capabilities), and its maps unwritten. The error says which rule stopped it. Any goroutine may call it.
func WriteByHelpers(ctx context.Context, pid int, m Mapping) error {
	return Helpers{}.Write(ctx, pid, m)
}

// Write does what WriteByHelpers does, with these helpers.
func (h Helpers) Write(ctx context.Context, pid int, m Mapping) error {
	jobs := [...]*job{{helper: newuidmap(), m: m.UIDs}, {helper: newgidmap(), m: m.GIDs}}
	for _, j := range jobs {
		if err := j.m.Validate(); err != nil {
			return fmt.Errorf("%s map: %w", j.kind, err)
		}
		path, err := h.find(j.helper)
		if err != nil {
			return fmt.Errorf("map %ss: %w", j.kind, err)
		}
		j.path = path
	}
	var wait sync.WaitGroup
	for _, j := range jobs {
		wait.Go(func() { j.write(ctx, pid) })
	}
	wait.Wait()
	for _, j := range jobs {
		if j.failed(pid) {
			return fmt.Errorf("map %ss: %w", j.kind, h.diagnose(ctx, pid, j))
		}
	}
	return nil
}

// job is one helper's part.
type job struct {
	helper
	m     Map
	path  string
	ended ended
	err   error
}

func (j *job) write(ctx context.Context, pid int) {
	args := append([]string{strconv.Itoa(pid)}, j.m.arguments()...)
	j.ended, j.err = run(ctx, j.path, args)
}

// failed asks the kernel where the status was lost: what counts is the map.
func (j *job) failed(pid int) bool {
	if j.err == nil && j.ended.code == -1 {
		data, err := readProc(j.mapFile(pid))
		return err != nil || data == ""
	}
	return j.err != nil || j.ended.code != 0
}

func (j *job) mapFile(pid int) string {
	return "/proc/" + strconv.Itoa(pid) + "/" + j.kind + "_map"
}

// WriteDirectly writes the maps itself, which takes CAP_SETUID and CAP_SETGID
// in the caller's user namespace, or two lines that map the caller's own ids alone and
// denySetgroups, without which the kernel takes no group from an
// unprivileged process (user_namespaces(7), CVE-2014-8989). The process must be dumpable.
func WriteDirectly(pid int, m Mapping, denySetgroups bool) error {
	for _, m := range [...]Map{m.UIDs, m.GIDs} {
		if err := m.Validate(); err != nil {
			return err
		}
	}
	err := writeAll(pid, m, denySetgroups)
	if errors.Is(err, unix.EACCES) {
		// The file's mode refused, before the kernel looked at the map.
		if why := foreign(pid); why != nil {
			return fmt.Errorf("%w: %w", err, why)
		}
	}
	return err
}

func writeAll(pid int, m Mapping, denySetgroups bool) error {
	dir := "/proc/" + strconv.Itoa(pid) + "/"
	if denySetgroups {
		if err := writeFile(dir+"setgroups", "deny"); err != nil {
			return err
		}
	}
	if err := writeFile(dir+"uid_map", m.UIDs.Kernel()); err != nil {
		return err
	}
	return writeFile(dir+"gid_map", m.GIDs.Kernel())
}
