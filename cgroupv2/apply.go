package cgroupv2

import (
	"bytes"
	"errors"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Apply writes the settings. What is refused for what else is in force (a burst above the quota that comes after it, a partition of
// CPUs that are not there yet) is tried again after the others; what is refused for good does not keep the rest from being
// written. The error is of one or more [*SettingError], joined. A limit that is refused for what is in use ([ErrBelowUsage]) is so
// before anything is written.
func (g *Group) Apply(s Settings) error {
	if err := g.belowUsage(s); err != nil {
		return err
	}
	todo := g.swapLast(s)
	var failed []error
	for {
		var again Settings
		var refused []error
		for i := range todo {
			err := g.set(&todo[i])
			switch {
			case err == nil:
			case mayPass(err):
				again, refused = append(again, todo[i]), append(refused, g.failure(&todo[i], err))
			default:
				failed = append(failed, g.failure(&todo[i], err))
			}
		}
		if len(again) == 0 || len(again) == len(todo) {
			return errors.Join(append(failed, refused...)...)
		}
		todo = again
	}
}

// mayPass reports whether a value may be one that the kernel takes after another.
func mayPass(err error) bool {
	switch err {
	case unix.EINVAL, unix.EBUSY, unix.ENOSPC, unix.ERANGE:
		return true
	}
	return false
}

func (g *Group) set(s *Setting) error {
	err := write(int(g.dir.Fd()), s.File, s.Value)
	switch {
	case err != unix.ENOENT:
		return err
	case s.Or != nil:
		return g.set(s.Or)
	case s.Optional && g.alive():
		return nil
	}
	return err
}

// alive tells a cgroup without a file from one that is gone.
func (g *Group) alive() bool {
	return unix.Faccessat(int(g.dir.Fd()), "cgroup.procs", unix.F_OK, 0) == nil
}

func (g *Group) failure(s *Setting, err error) error {
	e := &SettingError{Setting: *s, Dir: g.dir.Name(), Err: err}
	if err == unix.ENOENT && g.alive() {
		e.Missing = g.why(s)
	}
	return e
}

// swapLast puts memory.max before memory.swap.max where less swap is allowed than now: the kernel makes room for a lower memory.max by
// swapping, and kills where it may not.
func (g *Group) swapLast(s Settings) Settings {
	swap, limit := s.index("memory.swap.max"), s.index("memory.max")
	if swap < 0 || limit < swap || !g.less(s[swap]) {
		return s
	}
	ordered := append(Settings(nil), s[:swap]...)
	ordered = append(ordered, s[swap+1:limit+1]...)
	ordered = append(ordered, s[swap])
	return append(ordered, s[limit+1:]...)
}

// index is the last setting of the file, or -1.
func (s Settings) index(file string) int {
	for i := len(s) - 1; i >= 0; i-- {
		if s[i].File == file {
			return i
		}
	}
	return -1
}

// less reports whether a limit of memory is lower than the one in force.
func (g *Group) less(s Setting) bool {
	b, err := g.read(s.File)
	return err == nil && bytesOf(s.Value) < bytesOf(string(b))
}

func (g *Group) belowUsage(s Settings) error {
	var refused []error
	for i := range s {
		if !s[i].NotBelowUsage {
			continue
		}
		// What cannot be read is a cgroup that is still to be made, or one without the controller, which the writing finds out.
		if b, err := g.read("memory.current"); err == nil && bytesOf(string(b)) > bytesOf(s[i].Value) {
			refused = append(refused, &SettingError{Setting: s[i], Dir: g.dir.Name(), Err: belowUsage(bytes.TrimSpace(b))})
		}
	}
	return errors.Join(refused...)
}

// belowUsage is [ErrBelowUsage] with the number of bytes.
type belowUsage string

func (e belowUsage) Error() string {
	return string(e) + " bytes are in use; choose more, or do without memory.checkBeforeUpdate"
}
func (e belowUsage) Unwrap() error { return ErrBelowUsage }

// bytesOf is an amount of memory as the kernel writes it, and as it reads it besides the suffixes, of which only unified could make use.
func bytesOf(s string) uint64 {
	s = strings.TrimSpace(s)
	n, err := strconv.ParseUint(s, 10, 64)
	if s == "max" || err != nil {
		return Unlimited
	}
	return n
}
