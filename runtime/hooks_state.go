package runtime

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/spec"
	"github.com/roost-run/roost/internal/strictjson"
	"github.com/roost-run/roost/internal/sys"
)

// hookState is the state object (runtime-spec, runtime.md, "State") that hooks get on their standard input.
func (r *record) hookState(status Status, pid int) []byte {
	b := append(make([]byte, 0, 512), '{')
	text := func(key, value string) {
		b = strictjson.AppendKey(b, key)
		b = strictjson.AppendString(b, value)
	}
	text("ociVersion", spec.Version)
	text("id", r.id)
	text("status", string(status))
	if pid != 0 {
		b = strictjson.AppendKey(b, "pid")
		b = strictjson.AppendUint(b, uint64(pid))
	}
	text("bundle", r.bundle)
	if len(r.annotations) > 0 {
		b = strictjson.AppendKey(b, "annotations")
		b = strictjson.AppendStringMap(b, r.annotations)
	}
	return append(b, '}')
}

// newStateFile is a file in memory: hooks in the container get it by a descriptor that is there before its content is.
func newStateFile() (*os.File, error) {
	fd, err := unix.MemfdCreate("state", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING|unix.MFD_NOEXEC_SEAL)
	if err == unix.EINVAL { // before Linux 6.3
		fd, err = unix.MemfdCreate("state", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	}
	if err != nil {
		return nil, os.NewSyscallError("memfd_create", err)
	}
	return os.NewFile(uintptr(fd), "state"), nil
}

// fillState writes the state, for good: no hook changes what the next one reads. The position stays at the beginning.
func fillState(f *os.File, state []byte) error {
	if _, err := f.WriteAt(state, 0); err != nil {
		return fmt.Errorf("state for hooks: %w", err)
	}
	_, err := unix.FcntlInt(f.Fd(), unix.F_ADD_SEALS, unix.F_SEAL_WRITE|unix.F_SEAL_SHRINK|unix.F_SEAL_GROW|unix.F_SEAL_SEAL)
	return os.NewSyscallError("fcntl", err)
}

// pidInside is the pid of the container's first process as the container sees it.
func (p *Plan) pidInside(pid int) (int, error) {
	switch {
	case p.New&unix.CLONE_NEWPID != 0:
		return 1, nil
	case !p.has(unix.CLONE_NEWPID):
		return pid, nil
	}
	name := "/proc/" + strconv.Itoa(pid) + "/status"
	text, err := sys.ReadProc(name)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if list, ok := strings.CutPrefix(line, "NSpid:"); ok {
			pids := strings.Fields(list)
			if len(pids) > 0 {
				return strconv.Atoi(pids[len(pids)-1])
			}
		}
	}
	return 0, fmt.Errorf("%s does not say which pid the process has in its own namespace", name)
}
