package delegate

import (
	"errors"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/sys"
)

// delegatable is for kernels without /sys/kernel/cgroup/delegate (before 4.15, or where sysfs is hidden).
const delegatable = "cgroup.procs\ncgroup.subtree_control\ncgroup.threads\n"

// Chown hands a cgroup to another owner, as cgroup-v2.rst ("Delegation") has it: the directory, so that others can be made in it,
// and the files that the kernel lists for this. The limits stay ours. Ids are those of this process's user namespace.
func Chown(dir *os.File, uid, gid int) error {
	list, err := sys.ReadProc("/sys/kernel/cgroup/delegate")
	if err != nil {
		list = []byte(delegatable)
	}
	var errs []error
	for _, name := range append([]string{"."}, strings.Fields(string(list))...) {
		err := unix.Fchownat(int(dir.Fd()), name, uid, gid, unix.AT_SYMLINK_NOFOLLOW)
		// Of controllers that are not enabled there are no files.
		if err != nil && err != unix.ENOENT {
			errs = append(errs, &os.PathError{Op: "chown", Path: path.Join(dir.Name(), name), Err: err})
		}
	}
	return errors.Join(errs...)
}
