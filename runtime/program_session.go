package runtime

import (
	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/degrade"
	"github.com/roost-run/roost/internal/fault"
	"github.com/roost-run/roost/internal/launch"
	"github.com/roost-run/roost/userns"
)

// What a session keyring lets do whom, keyctl_setperm(3). The first three are what the kernel gives by itself.
const (
	keyPossessor  = 0x3f << 24
	keyUserLooks  = 0x03 << 16 // view and read
	keyUserLinks  = 0x10 << 16
	keyUserFinds  = 0x08 << 16
	keyUserWrites = 0x04 << 16
)

// session detaches us from the caller's terminal and session. Without a pid namespace the session is also what tells which
// processes are the container's. A session keyring of its own has a name, by which exec joins it.
func (c *compiler) session(keyring string) {
	c.failsAs(fault.Process)
	c.Call("start a session", unix.SYS_SETSID)
	if keyring == "" {
		return
	}
	const label = "make a session keyring"
	ring, failed, done := c.Slot(), c.Label(), c.Label()
	c.labelKeys(c.process, c.process.SELinux)
	join := c.denied(c.Call(label, unix.SYS_KEYCTL, launch.Const(unix.KEYCTL_JOIN_SESSION_KEYRING), c.String(keyring)).Out(ring),
		degrade.Keyring, "the quota is spent (kernel.keys.maxkeys), or keyrings are forbidden here")
	if c.allows(degrade.Keyring) {
		join.Ignore(unix.EDQUOT, unix.ENOMEM, unix.ENOSYS, unix.EPERM, unix.EACCES)
	}
	c.labelKeys(c.process, "")
	if c.allows(degrade.Keyring) {
		c.JumpIf(ring, failed)
	}
	if c.plan != nil {
		// By default nobody finds it who does not possess it already, and exec would get another one of the same name.
		perm := uint32(keyPossessor | keyUserLooks | keyUserLinks | keyUserFinds)
		if c.plan.User.Kind != userns.None {
			perm |= keyUserWrites // as other runtimes have it
		}
		c.Call("let exec find the session keyring", unix.SYS_KEYCTL, launch.Const(unix.KEYCTL_SETPERM), ring.Arg(), launch.Const(perm)).Ignore()
	}
	if c.allows(degrade.Keyring) {
		c.Jump(done)
		c.Place(failed)
		c.note(degrade.Keyring, "keyring", "no session keyring of its own: the quota is spent (kernel.keys.maxkeys), or keyrings are forbidden here")
		c.Place(done)
	}
}
