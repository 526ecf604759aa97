package netns

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// conn is a socket of rtnetlink. It is for one goroutine at a time.
type conn struct {
	fd  int
	seq uint32
}

// dial makes a socket in the network namespace that the thread is in.
func dial() (*conn, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	// The reason of an error in words (Linux 4.12), and without the request (4.2).
	for _, option := range []int{unix.NETLINK_EXT_ACK, unix.NETLINK_CAP_ACK} {
		_ = unix.SetsockoptInt(fd, unix.SOL_NETLINK, option, 1)
	}
	return &conn{fd: fd}, nil
}

func (c *conn) close() { unix.Close(c.fd) }

// request is a message under construction: a header, a fixed part and attributes, each aligned to four bytes.
type request struct{ b []byte }

func newRequest(kind, flags uint16, fixed []byte) *request {
	r := &request{make([]byte, unix.SizeofNlMsghdr, 256)}
	binary.NativeEndian.PutUint16(r.b[4:], kind)
	binary.NativeEndian.PutUint16(r.b[6:], flags|unix.NLM_F_REQUEST)
	r.b = append(r.b, fixed...)
	return r
}

func (r *request) attribute(kind uint16, value []byte) *request {
	r.b = binary.NativeEndian.AppendUint16(r.b, uint16(unix.SizeofRtAttr+len(value)))
	r.b = binary.NativeEndian.AppendUint16(r.b, kind)
	r.b = append(r.b, value...)
	for len(r.b)%unix.NLMSG_ALIGNTO != 0 {
		r.b = append(r.b, 0)
	}
	return r
}

func (r *request) number(kind uint16, n uint32) *request {
	return r.attribute(kind, binary.NativeEndian.AppendUint32(nil, n))
}

func (r *request) text(kind uint16, s string) *request {
	return r.attribute(kind, append([]byte(s), 0))
}

// do sends a request that is answered by an acknowledgement.
func (c *conn) do(r *request) error {
	_, err := c.ask(r, unix.NLM_F_ACK)
	return err
}

// dump asks for all of a kind, and again when it changed while it was told.
func (c *conn) dump(r *request) (answers [][]byte, err error) {
	for range 10 {
		if answers, err = c.ask(r, unix.NLM_F_DUMP); !errors.Is(err, unix.EINTR) {
			break
		}
	}
	return answers, err
}

// ask sends a request, and returns the messages of the answer up to its end: an acknowledgement, or the end of a dump.
func (c *conn) ask(r *request, flags uint16) (answers [][]byte, err error) {
	c.seq++
	flags |= binary.NativeEndian.Uint16(r.b[6:])
	binary.NativeEndian.PutUint32(r.b, uint32(len(r.b)))
	binary.NativeEndian.PutUint16(r.b[6:], flags)
	binary.NativeEndian.PutUint32(r.b[8:], c.seq)
	if err := unix.Sendto(c.fd, r.b, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return nil, os.NewSyscallError("sendto", err)
	}
	for {
		packet, err := c.receive()
		if err != nil {
			return nil, err
		}
		done, err := c.parse(packet, &answers)
		if done || err != nil {
			return answers, err
		}
	}
}

// receive gives one packet, whole: its length is asked first.
func (c *conn) receive() ([]byte, error) {
	for {
		n, _, err := unix.Recvfrom(c.fd, nil, unix.MSG_PEEK|unix.MSG_TRUNC)
		if err == nil {
			b := make([]byte, n)
			if n, _, err = unix.Recvfrom(c.fd, b, 0); err == nil {
				return b[:min(n, len(b))], nil
			}
		}
		if err != unix.EINTR {
			return nil, os.NewSyscallError("recvfrom", err)
		}
	}
}

var errFormat = errors.New("netlink: a message that makes no sense")

// parse goes through the messages of a packet. Those of earlier requests, which were given up, are passed over.
func (c *conn) parse(packet []byte, answers *[][]byte) (done bool, err error) {
	for len(packet) >= unix.SizeofNlMsghdr {
		size := int(binary.NativeEndian.Uint32(packet))
		if size < unix.SizeofNlMsghdr || size > len(packet) {
			return false, errFormat
		}
		kind, flags := binary.NativeEndian.Uint16(packet[4:]), binary.NativeEndian.Uint16(packet[6:])
		body := packet[unix.SizeofNlMsghdr:size]
		if binary.NativeEndian.Uint32(packet[8:]) == c.seq {
			switch {
			case flags&unix.NLM_F_DUMP_INTR != 0:
				return false, unix.EINTR // something changed meanwhile
			case kind == unix.NLMSG_DONE:
				return true, nil
			case kind == unix.NLMSG_ERROR:
				return true, refusal(body, flags)
			}
			*answers = append(*answers, body)
		}
		packet = packet[min(align(size), len(packet)):]
	}
	return false, nil
}

// refusal is the error in an acknowledgement, with the kernel's own words if there are some; nil is none.
func refusal(body []byte, flags uint16) error {
	const acked = 4 + unix.SizeofNlMsghdr // the errno, and the header of the request
	if len(body) < acked {
		return errFormat
	}
	code := int32(binary.NativeEndian.Uint32(body))
	if code == 0 {
		return nil
	}
	errno := syscall.Errno(-code)
	if flags&unix.NLM_F_ACK_TLVS != 0 {
		at := acked
		if flags&unix.NLM_F_CAPPED == 0 {
			at = min(len(body), 4+align(int(binary.NativeEndian.Uint32(body[4:]))))
		}
		const message = 1 // NLMSGERR_ATTR_MSG
		if text, ok := attributes(body[at:])[message]; ok {
			return fmt.Errorf("%w (%s)", errno, cString(text))
		}
	}
	return errno
}

// attributes are those of a message, after its fixed part. What does not fit together ends them.
func attributes(b []byte) map[uint16][]byte {
	list := make(map[uint16][]byte)
	for len(b) >= unix.SizeofRtAttr {
		size := int(binary.NativeEndian.Uint16(b))
		if size < unix.SizeofRtAttr || size > len(b) {
			break
		}
		const flags = unix.NLA_F_NESTED | unix.NLA_F_NET_BYTEORDER
		list[binary.NativeEndian.Uint16(b[2:])&^flags] = b[unix.SizeofRtAttr:size]
		b = b[min(align(size), len(b)):]
	}
	return list
}

func align(n int) int { return (n + unix.NLMSG_ALIGNTO - 1) &^ (unix.NLMSG_ALIGNTO - 1) }

func cString(b []byte) string {
	for i, c := range b {
		if c == 0 {
			return string(b[:i])
		}
	}
	return string(b)
}
