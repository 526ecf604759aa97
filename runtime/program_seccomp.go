package runtime

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/fault"
	"github.com/roost-run/roost/internal/launch"
)

const (
	adminBit   = uint64(1) << unix.CAP_SYS_ADMIN
	listenSize = 8 + maxListenerState
	homeEnd    = (homeSize + 7) &^ 7 // what follows HOME in the parent's reply
)

// holdsAdmin reports whether the process keeps CAP_SYS_ADMIN up to its filter, though it is not to have it: without no_new_privs a
// filter takes that (seccomp(2)).
func (p *ProcessPlan) holdsAdmin() bool {
	return p.Filter != nil && !p.NoNewPrivs && p.Capabilities.Effective&adminBit == 0
}

// untilFilter are the capabilities up to there.
func (p *ProcessPlan) untilFilter() Capabilities {
	s := p.Capabilities
	if p.holdsAdmin() {
		s.Effective |= adminBit
		s.Permitted |= adminBit
	}
	return s
}

// replySpace is where the parent's reply at the last sync point lands: HOME, where it is looked up, and then the message for who
// is notified.
func (c *compiler) replySpace(p *ProcessPlan) (home, message launch.Arg, size int) {
	size = homeSize - 1
	if !p.LookupHome {
		size = 0
	}
	if len(p.lateFiles()) > 0 {
		size = homeEnd + listenSize
	}
	if size == 0 {
		return launch.Arg{}, launch.Arg{}, 0
	}
	home = c.Space(max(size, homeSize))
	return home, home.Offset(homeEnd), size
}

// filter installs the filter: nothing but the execve comes after it, as far as possible, so that a profile need not allow what
// the runtime does. Who is notified gets the descriptor by sendmsg. Our own is closed then, or a call that is notified would
// wait for ever once nobody else had one; and so is the socket, whose end some wait for.
func (c *compiler) filter(p *ProcessPlan, message launch.Arg) {
	f := p.Filter
	if f == nil {
		return
	}
	const word = 32 << (^uint(0) >> 63) / 8
	insns := c.Scratch(len(f.Insns))
	c.Fill(insns, f.Insns)
	program := c.Scratch(2 * word) // struct sock_fprog: a short, and a pointer
	c.Fill(program, binary.NativeEndian.AppendUint16(nil, uint16(f.Count())))
	c.SetPointer(program.Offset(word), insns)
	fd := c.Slot()
	const setModeFilter = 1
	c.failsAs(fault.Seccomp)
	c.About(aboutFilter)
	c.Call("install the seccomp filter", unix.SYS_SECCOMP, launch.Const(setModeFilter), launch.Const(f.Flags), program).Out(fd)
	if f.Notifies() {
		c.About(aboutListener)
		c.SendFile("hand the seccomp listener over", constFD(c.at.number(listener)), fd.Arg(), message, maxListenerState).Path(f.ListenerPath)
		for _, n := range []launch.Arg{constFD(c.at.number(listener)), fd.Arg()} {
			c.Call("close", unix.SYS_CLOSE, n).Ignore()
		}
	}
	if p.holdsAdmin() {
		c.About(aboutCapabilities)
		c.capset(p.Capabilities) // ambient ones stay
	}
	c.About(0)
}
