package notify

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// Address is where a service manager listens: a value of NOTIFY_SOCKET that [Parse] has accepted.
type Address string

// Parse checks a value of NOTIFY_SOCKET: an absolute path, or @ and the name of an abstract socket.
func Parse(value string) (Address, error) {
	switch {
	case len(value) < 2 || value[0] != '/' && value[0] != '@':
		return "", fmt.Errorf("neither an absolute path nor @ and an abstract name, which is all that can be reached from a container")
	case len(value) >= len(unix.RawSockaddrUnix{}.Path):
		return "", fmt.Errorf("longer than the address of a socket can be")
	case strings.IndexByte(value, 0) >= 0:
		return "", fmt.Errorf("a NUL byte in it")
	}
	return Address(value), nil
}

// Path is the path of the socket, or "" for an abstract one.
func (a Address) Path() string {
	if a.Abstract() {
		return ""
	}
	return string(a)
}

// Abstract reports whether the socket has a name in a network namespace instead of a path (unix(7)).
func (a Address) Abstract() bool { return strings.HasPrefix(string(a), "@") }
