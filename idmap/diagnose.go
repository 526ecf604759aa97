package idmap

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/fault"
)

// diagnose finds out why a helper refused. Each reason is looked up where it
// is decided, since the helper's words are in its version's and locale's
// wording; they are kept at the end, for what nobody foresaw.
func (h Helpers) diagnose(ctx context.Context, pid int, j *job) error {
	if j.err != nil {
		return j.err
	}
	for _, reason := range [...]func() error{
		func() error { return target(pid, j) },
		func() error { return h.account(ctx, j) },
		func() error { return h.granted(ctx, j) },
		func() error { return outer(j) },
		func() error { return foreign(pid) },
	} {
		if err := reason(); err != nil {
			return fmt.Errorf("%w (%s said: %s)", err, j.name, j.ended)
		}
	}
	return fault.New(fault.IDMap, "%s: %s", j.path, j.ended).Remedy("try --idmap=single")
}

// target is what about the process itself stops the helper.
func target(pid int, j *job) error {
	if gone(pid) {
		return fmt.Errorf("process %d ended before its ids were mapped", pid)
	}
	if text, err := readProc(j.mapFile(pid)); err == nil && text != "" {
		return fault.New(fault.IDMap, "process %d: its user namespace already has a %s map", pid, j.kind).Remedy("a map is written once")
	}
	return nil
}

// foreign comes last: newuidmap opens the map as root where it is setuid, and
// then an undumpable process of ours does not stop it; with file capabilities it
// does. The directory /proc/PID is the process's in either case, the
// files below it are root's once it is not dumpable (proc(5)).
func foreign(pid int) error {
	var st unix.Stat_t
	if err := unix.Stat("/proc/"+strconv.Itoa(pid)+"/uid_map", &st); err != nil || int(st.Uid) == os.Getuid() {
		return err
	}
	return fault.New(fault.IDMap, "process %d: its /proc files belong to uid %d and not to us: it is another user's, or not dumpable any more (PR_SET_DUMPABLE in prctl(2))", pid, st.Uid).
		Remedy("write maps before that")
}

// gone: a process that ended and is not waited for still has its directory.
func gone(pid int) bool {
	stat, err := readProc("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ESRCH)
	}
	// The name in parentheses may hold anything, parentheses too.
	after := stat[strings.LastIndexByte(stat, ')')+1:]
	return strings.HasPrefix(after, " Z") || strings.HasPrefix(after, " X")
}

// account is newuidmap's own rule: it serves accounts with a passwd entry, in
// their own group. It goes by the real ids.
func (h Helpers) account(ctx context.Context, j *job) error {
	a, err := h.Sources.Account(ctx, uint32(os.Getuid()), uint32(os.Getgid()))
	if err != nil {
		return err
	}
	return h.Serves(a, uint32(os.Getgid()))
}

// Serves says why the helpers refuse an account that runs with the group gid,
// whatever it was granted; nil when they do not.
func (h Helpers) Serves(a Account, gid uint32) error {
	switch {
	case a.Name == "":
		return fault.New(fault.IDMap, "uid %d has no passwd entry, and newuidmap serves no account without a name", a.UID).
			Remedy("ask an administrator for an entry, %s", orSingle)
	case a.GID != gid && h.Sources.OwnGroupOnly():
		return fault.New(fault.IDMap, "gid %d is not the own group of %s, %d, and newuidmap serves an account in its own group alone", gid, a.Name, a.GID).
			Remedy("run outside of newgrp or sg, ask an administrator for GRANT_AUX_GROUP_SUBIDS yes in /etc/login.defs, %s", orSingle)
	}
	return nil
}

// granted compares the map with what the sources grant, as the helper does.
func (h Helpers) granted(ctx context.Context, j *job) error {
	a, err := h.Sources.Account(ctx, uint32(os.Getuid()), uint32(os.Getgid()))
	if err != nil {
		return err
	}
	uids, gids, source, err := h.Sources.SubIDs(ctx, a)
	if err != nil {
		return err
	}
	if j.kind == "uid" {
		return NotGranted(j.kind, j.m, a, a.UID, uids, source)
	}
	return NotGranted(j.kind, j.m, a, uint32(os.Getgid()), gids, source)
}

// NotGranted says which ids (kind "uid" or "gid") of the map the helper will
// refuse: those that are neither granted nor, in a line of their own, the
// caller's. nil when there are none.
func NotGranted(kind string, m Map, a Account, own uint32, granted []SubRange, source string) error {
	var others Map
	for _, r := range m {
		if r.HostID != own || r.Size != 1 {
			others = append(others, r)
		}
	}
	lacking := others.Lacking(granted)
	if len(lacking) == 0 {
		return nil
	}
	if contains(lacking, own) && len(others.Lacking(append(granted[:len(granted):len(granted)], SubRange{own, 1}))) == 0 {
		return fault.New(fault.IDMap, "%s %d, the caller's own, is part of a longer line, and the helper grants it in a line of its own alone", kind, own).
			Remedy("split the line at it")
	}
	return fault.New(fault.IDMap, "%ss %s are not granted to %s by %s, which has %s", kind, describe(lacking), a, source, describe(granted)).
		Remedy("map granted ids%s", orGrant(kind, a, lacking[0]))
}

// orGrant proposes to grant a range, unless it reaches where distributions
// number their users (login.defs: SUB_UID_MIN is 100000): nobody should be told to
// hand out root.
func orGrant(kind string, a Account, r SubRange) string {
	if r.Start < firstSubID {
		return ""
	}
	return ", or ask an administrator for \"" + Grant(kind, a, r) + "\""
}

// firstSubID is where distributions begin to grant sub-ids.
const firstSubID = 100000

// Grant is the command that grants a range of ids, of kind "uid" or "gid".
func Grant(kind string, a Account, r SubRange) string {
	who := a.Name
	if who == "" {
		who = strconv.FormatUint(uint64(a.UID), 10)
	}
	last := strconv.FormatUint(uint64(r.Start)+uint64(r.Size)-1, 10)
	return fmt.Sprintf("usermod --add-sub%ss %d-%s %s", kind, r.Start, last, who)
}

// outer: the kernel refuses what the caller's own user namespace does not have.
func outer(j *job) error {
	text, err := readProc("/proc/self/" + j.kind + "_map")
	if err != nil {
		return err
	}
	own, err := ParseKernel(text)
	if err != nil {
		return err
	}
	return NotOutside(j.kind, j.m, own)
}

// NotOutside says which host ids (kind "uid" or "gid") of m the caller's own user
// namespace, whose map is own, does not have; nil when it has all.
func NotOutside(kind string, m, own Map) error {
	have := make([]SubRange, len(own))
	for i, r := range own {
		have[i] = SubRange{Start: r.ContainerID, Size: r.Size}
	}
	lacking := m.Lacking(have)
	if len(lacking) == 0 {
		return nil
	}
	return fault.New(fault.IDMap, "%ss %s do not exist in the caller's own user namespace, which has %s", kind, describe(lacking), own.ids()).
		Remedy("map ids that it has, or give the outer container more")
}

func contains(ranges []SubRange, id uint32) bool {
	for _, r := range ranges {
		if id >= r.Start && id-r.Start < r.Size {
			return true
		}
	}
	return false
}

func readProc(path string) (string, error) {
	data, err := os.ReadFile(path)
	return string(data), err
}
