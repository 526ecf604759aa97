package runtime

import (
	"errors"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/idmap"
	"github.com/roost-run/roost/internal/fault"
	"github.com/roost-run/roost/internal/spec"
	"github.com/roost-run/roost/internal/sys"
	"github.com/roost-run/roost/userns"
)

// joinTarget is the process whose namespaces are joined.
type joinTarget struct {
	pidfd  *os.File
	root   *os.File // the container's root
	flags  uint64   // CLONE_NEW* of the namespaces that differ from ours
	choice userns.Choice
}

func (t *joinTarget) close() {
	closeFiles([]*os.File{t.pidfd, t.root})
}

// roots names the descriptor of the container's root, where that takes more than joining a mount namespace.
func (t *joinTarget) roots() []string {
	if t.flags&unix.CLONE_NEWNS != 0 {
		return nil
	}
	return []string{"root"}
}

// joinTarget looks at the container's first process, or, under our own pid 1, at its child: that pid 1 is a copy of the runtime
// that nobody may look into.
func (c *Container) joinTarget() (t *joinTarget, err error) {
	id := c.rec.process
	if c.rec.hasInit {
		if id, err = firstChild(id); err != nil {
			return nil, err
		}
	}
	fd, err := id.open()
	if err != nil {
		return nil, err
	}
	t = &joinTarget{pidfd: os.NewFile(uintptr(fd), "pidfd")}
	if err = t.look(id.pid); err == nil {
		err = unix.PidfdSendSignal(fd, 0, nil, 0) // it was that process that we looked at, if it still lives
		if errors.Is(err, unix.ESRCH) {
			err = ErrNotRunning
		}
	}
	if err != nil {
		t.close()
		return nil, err
	}
	return t, nil
}

func firstChild(id identity) (identity, error) {
	pid := strconv.Itoa(id.pid)
	b, err := sys.ReadProc("/proc/" + pid + "/task/" + pid + "/children")
	if err != nil {
		return identity{}, ErrNotRunning
	}
	word, _, _ := strings.Cut(string(b), " ")
	child, err := strconv.Atoi(word)
	if err != nil {
		return identity{}, ErrNotRunning
	}
	return identify(child)
}

// kinds are the namespaces that can be joined by a pidfd.
var kinds = [...]struct {
	name string
	flag uint64
}{
	{"user", unix.CLONE_NEWUSER}, {"mnt", unix.CLONE_NEWNS}, {"pid", unix.CLONE_NEWPID}, {"net", unix.CLONE_NEWNET},
	{"ipc", unix.CLONE_NEWIPC}, {"uts", unix.CLONE_NEWUTS}, {"cgroup", unix.CLONE_NEWCGROUP}, {"time", unix.CLONE_NEWTIME},
}

// look finds the namespaces that differ from ours: setns with one that does not would refuse them all. It also opens the root,
// to look up users in.
func (t *joinTarget) look(pid int) error {
	dir := "/proc/" + strconv.Itoa(pid)
	for _, k := range kinds {
		var theirs, ours unix.Stat_t
		if err := unix.Stat(dir+"/ns/"+k.name, &theirs); err != nil {
			if gone(err) && k.name != "time" {
				return ErrNotRunning
			}
			if errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPERM) {
				return fault.New(fault.Namespace, "its process %d belongs to somebody else, or protects itself: %w", pid, err)
			}
			continue // the kernel has no such namespaces
		}
		if err := unix.Stat("/proc/self/ns/"+k.name, &ours); err != nil {
			return &os.PathError{Op: "stat", Path: "/proc/self/ns/" + k.name, Err: err}
		}
		if theirs.Ino != ours.Ino || theirs.Dev != ours.Dev {
			t.flags |= k.flag
		}
	}
	root, err := unix.Open(dir+"/root", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: dir + "/root", Err: err}
	}
	t.root = os.NewFile(uintptr(root), "root")
	return t.ids(dir)
}

// ids reads what is mapped there, as we see it.
func (t *joinTarget) ids(dir string) (err error) {
	t.choice.Kind = userns.None
	if t.flags&unix.CLONE_NEWUSER != 0 {
		t.choice.Kind = userns.Join
	}
	deny, err := sys.ReadProc(dir + "/setgroups")
	if err != nil {
		return err
	}
	t.choice.Setgroups = !strings.HasPrefix(string(deny), "deny")
	if t.choice.Mapping.UIDs, err = readMap(dir + "/uid_map"); err == nil {
		t.choice.Mapping.GIDs, err = readMap(dir + "/gid_map")
	}
	return err
}

func readMap(path string) (idmap.Map, error) {
	b, err := sys.ReadProc(path)
	if err != nil {
		return nil, err
	}
	return idmap.ParseKernel(string(b))
}

// plan settles the process.
func (t *joinTarget) plan(c *Container, o ExecOptions) (*Plan, error) {
	if o.Process == nil {
		return nil, errors.New("no process to execute")
	}
	config, err := c.config()
	if err != nil {
		return nil, err
	}
	process := *o.Process
	inherit(&process, config.Process)
	if o.User != "" {
		u, err := userIn(int(t.root.Fd()), o.User)
		if err != nil {
			return nil, fault.Default(fault.User, err)
		}
		process.User.UID, process.User.GID = u.uid, u.gid
		if t.choice.Setgroups {
			process.User.AdditionalGids = append(slices.Clone(process.User.AdditionalGids), t.mapped(u.groups)...)
		}
	}
	if _, err := spec.ValidateProcess(&process); err != nil {
		return nil, err
	}
	var bad planError
	p := &Plan{User: t.choice, Process: planProcess(&process)}
	if !c.rec.callersKeys {
		p.Keyring = sessionKeyring(c.id)
	}
	if p.Policies, p.GivenUp, err = policies(o.Degrade, config.Annotations); err != nil {
		return nil, err
	}
	if q := &p.Process; q.LookupHome {
		q.LookupHome = false
		q.Env = append(slices.Clone(q.Env), "HOME="+homeIn(int(t.root.Fd()), q.UID))
	}
	p.Process.activate(o.Activation)
	p.attributes(&process, standingOfExec(t.choice, keepsGroups(o.KeepGroups, c.rec.annotations)), "", &bad)
	p.linuxScheduling(config.Linux)
	p.affinity(process.ExecCPUAffinity)
	return p, bad.of("process")
}

// mapped leaves out memberships in groups that the container does not have.
func (t *joinTarget) mapped(groups []uint32) []uint32 {
	return slices.DeleteFunc(groups, func(g uint32) bool {
		_, ok := t.choice.Mapping.GIDs.ToHost(g)
		return !ok
	})
}
