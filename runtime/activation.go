package runtime

import (
	"os"
	"slices"
	"strconv"
	"strings"
)

// Activation is socket activation, sd_listen_fds(3), handed on to a process: it finds the files as its descriptors 3, 4, … and
// reads about them in LISTEN_FDS, LISTEN_FDNAMES and LISTEN_PID. What the configuration says in these variables gives way. The
// zero value hands nothing on and changes no variable.
type Activation struct {
	Files []*os.File
	Names string // LISTEN_FDNAMES as the process gets it: names with colons between them; "" leaves it out
}

// files are what the process gets from 3 on.
func (a Activation) files(extra []*os.File) []*os.File {
	if len(a.Files) == 0 {
		return extra
	}
	return slices.Concat(a.Files, extra)
}

// activate tells the process of the files.
func (p *ProcessPlan) activate(a Activation) {
	if len(a.Files) == 0 {
		return
	}
	p.setenv("LISTEN_FDS", strconv.Itoa(len(a.Files)))
	p.setenv("LISTEN_FDNAMES", a.Names)
	p.setenv("LISTEN_PIDFDID", "") // of a process outside
	p.setOwnPid("LISTEN_PID")
}

// setenv sets a variable, or, with no value, takes it away.
func (p *ProcessPlan) setenv(name, value string) {
	p.Env = slices.DeleteFunc(slices.Clone(p.Env), func(e string) bool { return strings.HasPrefix(e, name+"=") })
	if value != "" {
		p.Env = append(p.Env, name+"="+value)
	}
}

// setOwnPid gives a variable the pid of the process as the process itself sees it, which is not known before it is there.
func (p *ProcessPlan) setOwnPid(name string) {
	p.setenv(name, "")
	p.OwnPid = append(p.OwnPid, name)
}
