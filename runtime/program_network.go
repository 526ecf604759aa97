package runtime

import (
	"encoding/binary"
	"math/bits"
	"os"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/fault"
	"github.com/roost-run/roost/internal/launch"
)

// loopback brings lo up in a network namespace that is new: programs rely on localhost. In one that others made it is as they
// want it.
func (c *compiler) loopback() {
	if !c.isNew(unix.CLONE_NEWNET) {
		return
	}
	const label = "bring the loopback device up"
	request := make([]byte, 24+2*bits.UintSize/8) // struct ifreq, netdevice(7)
	copy(request, "lo")
	binary.NativeEndian.PutUint16(request[unix.IFNAMSIZ:], unix.IFF_UP)
	socket := c.socket(label)
	c.Call(label, unix.SYS_IOCTL, socket.Arg(), launch.Const(unix.SIOCSIFFLAGS), c.Data(request))
	c.close(socket)
}

// socket belongs to the network namespace that we are in, and leads to its devices; of what family it is does not matter, and
// this one every kernel has.
func (c *compiler) socket(label string) launch.Slot {
	s := c.Slot()
	c.Call(label, unix.SYS_SOCKET, launch.Const(unix.AF_UNIX), launch.Const(unix.SOCK_DGRAM|unix.SOCK_CLOEXEC), launch.Const(0)).Out(s)
	return s
}

// netDevices has the parent move devices into our network namespace, which a socket of ours tells it. Hooks find them there.
func (c *compiler) netDevices() {
	if len(c.plan.NetDevices) == 0 {
		return
	}
	c.failsAs(fault.Namespace)
	socket := c.socket("show the network namespace")
	c.Sync("move network devices", 0, []launch.Slot{socket}, launch.Arg{}, 0, c.devicesAction)
	c.close(socket)
}

func (c *compiler) devicesAction(_ *launch.Child, files []*os.File) ([]byte, error) {
	defer closeFiles(files)
	if len(files) != 1 {
		return nil, unix.EBADMSG
	}
	return nil, c.act.netDevices(files[0])
}
