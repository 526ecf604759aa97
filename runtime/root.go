package runtime

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/fault"
	"github.com/roost-run/roost/internal/sys"
)

// DefaultRoot finds the state root where none is given: /run/roost for the machine's root; $XDG_RUNTIME_DIR/roost;
// /run/user/UID/roost where that directory is ours; /tmp/roost-UID. It depends on XDG_RUNTIME_DIR and the user alone, since
// engines pass little else. An XDG_RUNTIME_DIR that cannot be used is an error, not a reason to go elsewhere: the next command
// might have it right and would not find the container.
func DefaultRoot() (string, error) {
	uid := os.Geteuid()
	xdg := os.Getenv("XDG_RUNTIME_DIR")
	if uid == 0 && (xdg == "" || isMachineRoot()) {
		return "/run/roost", nil
	}
	login := "/run/user/" + strconv.Itoa(uid)
	if xdg != "" {
		if err := ownDirectory(xdg); err != nil {
			return "", fault.New(fault.State, "XDG_RUNTIME_DIR: %w", err).Remedy("unset it to use %s or /tmp/roost-%d, or give --root", login, uid)
		}
		return strings.TrimRight(xdg, "/") + "/roost", nil
	}
	if ownDirectory(login) == nil {
		return login + "/roost", nil
	}
	return "/tmp/roost-" + strconv.Itoa(uid), nil
}

// isMachineRoot tells root of the machine from a root that a user namespace maps elsewhere: podman and rootlesskit run us as
// the latter, and the user's directories are ours then.
func isMachineRoot() bool {
	b, err := sys.ReadProc("/proc/self/uid_map")
	f := strings.Fields(string(b))
	return err == nil && len(f) == 3 && f[0] == "0" && f[1] == "0" && f[2] == "4294967295"
}

// ownDirectory reports what keeps a directory from being ours alone to write.
func ownDirectory(path string) error {
	var st unix.Stat_t
	switch err := unix.Lstat(path, &st); {
	case errors.Is(err, unix.ENOENT):
		return fmt.Errorf("%s is not there", path)
	case err != nil:
		return &os.PathError{Op: "lstat", Path: path, Err: err}
	case st.Mode&unix.S_IFMT != unix.S_IFDIR:
		return fmt.Errorf("%s is not a directory", path)
	case int(st.Uid) != os.Geteuid():
		return fmt.Errorf("%s belongs to user %d, not %d (su and sudo leave it behind)", path, st.Uid, os.Geteuid())
	case st.Mode&0o022 != 0:
		return fmt.Errorf("%s is writable for others (mode %04o)", path, st.Mode&0o7777)
	}
	return nil
}
