package netns

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"
)

// link is a device.
type link struct {
	index int32
	name  string
	flags uint32 // IFF_*
}

// infoMessage is struct ifinfomsg.
func infoMessage(index int32, flags, change uint32) []byte {
	b := make([]byte, unix.SizeofIfInfomsg)
	binary.NativeEndian.PutUint32(b[4:], uint32(index))
	binary.NativeEndian.PutUint32(b[8:], flags)
	binary.NativeEndian.PutUint32(b[12:], change)
	return b
}

// byName and byIndex say ENODEV when there is none.
func (c *conn) byName(name string) (link, error) {
	return c.link(newRequest(unix.RTM_GETLINK, 0, infoMessage(0, 0, 0)).text(unix.IFLA_IFNAME, name))
}

func (c *conn) byIndex(index int32) (link, error) {
	return c.link(newRequest(unix.RTM_GETLINK, 0, infoMessage(index, 0, 0)))
}

func (c *conn) link(r *request) (link, error) {
	answers, err := c.ask(r, unix.NLM_F_ACK)
	if err != nil {
		return link{}, err
	}
	if len(answers) != 1 || len(answers[0]) < unix.SizeofIfInfomsg {
		return link{}, errFormat
	}
	b := answers[0]
	return link{
		index: int32(binary.NativeEndian.Uint32(b[4:])), flags: binary.NativeEndian.Uint32(b[8:]),
		name: cString(attributes(b[unix.SizeofIfInfomsg:])[unix.IFLA_IFNAME]),
	}, nil
}

// indices are those in use.
func (c *conn) indices() (map[int32]bool, error) {
	answers, err := c.dump(newRequest(unix.RTM_GETLINK, 0, infoMessage(0, 0, 0)))
	if err != nil {
		return nil, fmt.Errorf("list devices: %w", err)
	}
	used := make(map[int32]bool, len(answers))
	for _, b := range answers {
		if len(b) >= unix.SizeofIfInfomsg {
			used[int32(binary.NativeEndian.Uint32(b[4:]))] = true
		}
	}
	return used, nil
}

// move puts a device into another namespace, with a name and an index of one's choice (the latter since Linux 5.13).
func (c *conn) move(index int32, namespace int, name string, to int32) error {
	return c.do(newRequest(unix.RTM_NEWLINK, 0, infoMessage(index, 0, 0)).
		number(unix.IFLA_NET_NS_FD, uint32(namespace)).text(unix.IFLA_IFNAME, name).number(unix.IFLA_NEW_IFINDEX, uint32(to)))
}

func (c *conn) up(index int32) error {
	return c.do(newRequest(unix.RTM_NEWLINK, 0, infoMessage(index, unix.IFF_UP, unix.IFF_UP)))
}
