package runtime

import (
	"errors"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/degrade"
	"github.com/roost-run/roost/internal/notify"
)

// Notify connects a container to a service manager that is told when it is ready, and more: sd_notify(3). The process finds
// NOTIFY_SOCKET=/run/notify/notify.sock in its environment, in place of one in the configuration. The zero value does nothing.
// See docs/services.md.
type Notify struct {
	// Socket is where the service manager listens, as in NOTIFY_SOCKET: a path, or @ and an abstract name.
	Socket string
	// Relay has this process pass the messages on, from a socket in the container's directory, until [Process.Wait] returns.
	// Without it the container is given the service manager's socket itself.
	Relay bool
	// Watchdog is how often the process has to give a sign of life, as in WATCHDOG_USEC; "" for never.
	Watchdog string
}

// NotifyPlan is how the container reaches a service manager.
type NotifyPlan struct {
	Socket  string
	Relayed bool // by the process that starts the container, and has to live as long
}

const (
	notifyDir    = "/run/notify"
	notifySocket = notifyDir + "/notify.sock" // runc's
	notifyFile   = "notify"                   // in the container's directory
)

// notifyInput is what connecting depends on.
type notifyInput struct {
	Notify
	own string // the path of the relay's socket
	err error  // why nobody listens
}

// notify looks whether there is somebody to talk to.
func (j *job) notify() notifyInput {
	in := notifyInput{Notify: j.options.Notify, own: j.store.root + "/" + j.id + "/" + notifyFile}
	if in.Socket == "" {
		return in
	}
	address, err := notify.Parse(in.Socket)
	if path := address.Path(); err == nil && path != "" {
		var st unix.Stat_t
		if err = unix.Stat(path, &st); err == nil && st.Mode&unix.S_IFMT != unix.S_IFSOCK {
			err = errors.New("is not a socket")
		}
	}
	in.err = err
	return in
}

// connect gives the process a way to its service manager: one more mount, after all others, since what is mounted on /run would
// hide it.
func (p *Plan) connect(in notifyInput, mounts []specs.Mount, bad *planError) {
	abstract := len(in.Socket) > 0 && in.Socket[0] == '@'
	giveUp := func(text string) {
		p.giveUp(degrade.Notify, "NOTIFY_SOCKET", in.Socket+": "+text+"; readiness messages are not passed on", bad)
	}
	switch {
	case in.Socket == "":
		return
	case in.err != nil:
		giveUp(in.err.Error())
		return
	case abstract && !in.Relay && p.has(unix.CLONE_NEWNET):
		giveUp("an abstract socket cannot be reached from a network namespace of the container's own, and nothing stays here to relay")
		return
	case !p.has(unix.CLONE_NEWNS) && (in.Relay || !abstract):
		giveUp("a container without a mount namespace can be given no socket")
		return
	case mountedOn(mounts, notifyDir) || mountedOn(mounts, notifySocket):
		return // the configuration sees to it, as those of engines do
	}
	p.Notify = &NotifyPlan{Socket: in.Socket, Relayed: in.Relay}
	source, inside := in.Socket, notifySocket
	switch {
	case in.Relay:
		source = in.own
	case abstract:
		source, inside = "", in.Socket
	}
	if source != "" {
		m := Mount{Index: len(p.Mounts), Source: source, Destination: notifySocket, Bind: true}
		m.Options.Bind = true
		m.Options.Set = unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC
		p.Mounts = append(p.Mounts, m)
	}
	p.Process.setenv("NOTIFY_SOCKET", inside)
	if in.Watchdog != "" {
		p.Process.setenv("WATCHDOG_USEC", in.Watchdog)
		p.Process.setOwnPid("WATCHDOG_PID")
	}
}

func mountedOn(mounts []specs.Mount, path string) bool {
	for _, m := range mounts {
		if inContainer(m.Destination) == path {
			return true
		}
	}
	return false
}

// relays reports whether this process is between the container and its service manager.
func (p *Plan) relays() bool { return p.Notify != nil && p.Notify.Relayed }

// listen makes the relay's socket, which the container is given.
func (b *birth) listen() (err error) {
	if b.plan.relays() {
		b.relay, err = notify.Listen(b.dir.fd, notifyFile, notify.Address(b.plan.Notify.Socket))
	}
	return err
}

// startRelay begins to pass on what the process says.
func (b *birth) startRelay() {
	if b.relay == nil {
		return
	}
	family := &notify.Family{First: b.process.Pid(), Init: b.plan.Init}
	outside := func(sender int) notify.Outside {
		return notify.Outside{
			Pid:   func(pid int) (int, bool) { return family.Outside(sender, pid) },
			Clock: family.Clock,
		}
	}
	b.relay.Start(outside, func(text string) { b.store.log.Warn(text, "id", b.id) })
	b.process.relay = b.relay
}
