package netns

import (
	"encoding/binary"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// address is an address of a device, as the kernel told it.
type address struct {
	family, prefix, scope uint8
	flags                 uint32 // IFA_F_*
	attributes            map[uint16][]byte
}

// kept are the attributes that an address is made with again: itself, a peer, the broadcast address, how long it is preferred,
// the metric of its route, who it came from.
var kept = [...]uint16{unix.IFA_ADDRESS, unix.IFA_LOCAL, unix.IFA_BROADCAST, unix.IFA_CACHEINFO, unix.IFA_RT_PRIORITY, ifaProto}

const ifaProto = 11 // IFA_PROTO, since Linux 5.18; older ones pass over it

// flagsToSet are those that are not the kernel's to find out.
const flagsToSet = unix.IFA_F_NODAD | unix.IFA_F_HOMEADDRESS | unix.IFA_F_MANAGETEMPADDR | unix.IFA_F_NOPREFIXROUTE | unix.IFA_F_MCAUTOJOIN | unix.IFA_F_OPTIMISTIC

// addresses are those of a device that are there to stay, and mean something beyond it: the runtime-spec wants these to stay
// with a device that moves (config-linux.md, "Network Devices").
func (c *conn) addresses(index int32) (list []address, err error) {
	answers, err := c.dump(newRequest(unix.RTM_GETADDR, 0, make([]byte, unix.SizeofIfAddrmsg)))
	if err != nil {
		return nil, fmt.Errorf("list addresses: %w", err)
	}
	for _, b := range answers {
		if len(b) < unix.SizeofIfAddrmsg || int32(binary.NativeEndian.Uint32(b[4:])) != index {
			continue
		}
		a := address{family: b[0], prefix: b[1], flags: uint32(b[2]), scope: b[3], attributes: attributes(b[unix.SizeofIfAddrmsg:])}
		if f := a.attributes[unix.IFA_FLAGS]; len(f) == 4 {
			a.flags = binary.NativeEndian.Uint32(f)
		}
		if a.flags&unix.IFA_F_PERMANENT != 0 && a.scope == unix.RT_SCOPE_UNIVERSE {
			list = append(list, a)
		}
	}
	return list, nil
}

// add gives a device an address that one of this name had.
func (c *conn) add(to link, a address, name string) error {
	fixed := make([]byte, unix.SizeofIfAddrmsg)
	fixed[0], fixed[1], fixed[3] = a.family, a.prefix, a.scope
	binary.NativeEndian.PutUint32(fixed[4:], uint32(to.index))
	r := newRequest(unix.RTM_NEWADDR, unix.NLM_F_CREATE|unix.NLM_F_EXCL, fixed)
	for _, kind := range kept {
		if value, ok := a.attributes[kind]; ok {
			r.attribute(kind, value)
		}
	}
	if flags := a.flags & flagsToSet; flags != 0 {
		r.number(unix.IFA_FLAGS, flags)
	}
	// A label is the device's name, or begins with it: eth0:1.
	if label := cString(a.attributes[unix.IFA_LABEL]); label != name && strings.HasPrefix(label, name+":") && len(to.name)+len(label)-len(name) < unix.IFNAMSIZ {
		r.text(unix.IFA_LABEL, to.name+label[len(name):])
	}
	return c.do(r)
}
