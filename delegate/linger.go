package delegate

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/sys"
)

// Lingering reports whether the service manager of a user lives on after the last of their sessions: logind keeps a file per name.
// known is false where nothing tells: without logind, or for a user without a name here.
func Lingering(uid int) (lingers, known bool) {
	return lingering("/", uid)
}

func lingering(root string, uid int) (lingers, known bool) {
	passwd, _ := sys.ReadProc(root + "etc/passwd")
	name := nameOf(string(passwd), uid)
	if name == "" || !exists(root+"run/systemd/users") {
		return false, false
	}
	// logind escapes names as C does; those of unusual accounts are then not found, and a warning is all that comes of it.
	err := unix.Access(root+"var/lib/systemd/linger/"+name, unix.F_OK)
	return err == nil, err == nil || err == unix.ENOENT
}

func nameOf(passwd string, uid int) string {
	for line := range strings.Lines(passwd) {
		f := strings.Split(line, ":")
		if len(f) > 3 && f[2] == strconv.Itoa(uid) && !strings.Contains(f[0], "/") {
			return f[0]
		}
	}
	return ""
}
