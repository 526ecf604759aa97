package runtime

import (
	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/fault"
	"github.com/roost-run/roost/internal/launch"
)

const (
	sharing   = unix.MS_SHARED
	receiving = unix.MS_SLAVE
)

// follows reports whether the root, and binds that do not say, are to receive what is mounted on the host.
func (p *Plan) follows() bool { return p.Root.Propagation&(sharing|receiving) != 0 }

// anyFollows reports whether anything in the container is to receive what is mounted on the host.
func (p *Plan) anyFollows() bool {
	if p.follows() {
		return true
	}
	for _, m := range p.Mounts {
		for _, flags := range m.Options.Propagation {
			if m.Bind && flags&(sharing|receiving) != 0 {
				return true
			}
		}
	}
	return false
}

// separate makes sure that nothing of what is mounted here comes back to the host, and, unless something in the container is to
// receive it, that nothing of what is mounted there comes in: neither now nor through a copy of a mount that we make of it.
func (c *compiler) separate() {
	how := uint64(unix.MS_REC | unix.MS_PRIVATE)
	if c.plan.anyFollows() {
		how = unix.MS_REC | unix.MS_SLAVE
	}
	c.propagate("make mounts private to the container", launch.Const(unix.AT_FDCWD), c.String("/"), how)
}

// sharedSource reports whether a bind is to be a peer of the mount on the host, so that what the container mounts there is
// mounted on the host, too. As with other runtimes that takes two words: of the root and of the mount.
func (p *Plan) sharedSource(m Mount) bool {
	shared := p.Root.Propagation&sharing != 0
	for _, flags := range m.Options.Propagation {
		shared = shared && flags&sharing != 0
	}
	return m.Bind && shared && p.Root.Change != Chroot
}

// openShared opens what is to stay a peer, in the moment between the making of the mount namespace and its separation.
func (c *compiler) openShared() {
	c.failsAs(fault.Mount)
	defer c.failsAs(fault.Namespace)
	for i, m := range c.plan.Mounts {
		if c.plan.sharedSource(m) {
			c.openSource(m, i)
		}
	}
}

// propagation sets what was asked for. What does not say is private, unless the root says otherwise.
func (c *compiler) propagation(m Mount, s launch.Slot, label string) {
	if len(m.Options.Propagation) == 0 && c.plan.anyFollows() && !c.plan.follows() {
		c.propagate(label, s.Arg(), c.String(""), unix.MS_REC|unix.MS_PRIVATE).Path(m.Destination)
	}
	for _, flags := range m.Options.Propagation {
		c.propagate(label, s.Arg(), c.String(""), flags).Path(m.Destination)
	}
}
