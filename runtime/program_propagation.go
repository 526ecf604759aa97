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

// separate makes sure that nothing of what is mounted here comes back to the host. What the host mounts may come in until the
// root is changed: were they private at once, unbindable ones would become bindable (sharedsubtree.rst). The copies that the
// container gets are made private one by one.
func (c *compiler) separate() {
	c.propagate("make mounts private to the container", launch.Const(unix.AT_FDCWD), c.String("/"), unix.MS_REC|unix.MS_SLAVE)
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
			c.openSource(m, i, false)
		}
	}
}

// propagation sets what was asked for. What does not say is private, unless the root says otherwise.
func (c *compiler) propagation(m Mount, s launch.Slot, label string) {
	if len(m.Options.Propagation) == 0 && !c.plan.follows() {
		c.propagate(label, s.Arg(), c.String(""), unix.MS_REC|unix.MS_PRIVATE).Path(m.Destination)
	}
	for _, flags := range m.Options.Propagation {
		c.propagate(label, s.Arg(), c.String(""), flags).Path(m.Destination)
	}
}
