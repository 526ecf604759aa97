package dbus

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// Greet queues the authentication, of which nothing has to be waited for: mechanism EXTERNAL, where the other side takes the
// identity from the socket. A uid may be named ("1000") for those that insist; named, it has to be the one that they see, which
// inside of a user namespace is not ours. So "" is what works at any depth.
func (c *Conn) Greet(uid string) {
	c.out = append(c.out, 0)
	if uid == "" {
		c.out = append(c.out, "AUTH EXTERNAL\r\nDATA\r\n"...)
	} else {
		c.out = append(c.out, "AUTH EXTERNAL "+hex.EncodeToString([]byte(uid))+"\r\n"...)
	}
	c.out = append(c.out, "NEGOTIATE_UNIX_FD\r\nBEGIN\r\n"...)
}

// RejectedError is an authentication that was refused.
type RejectedError struct{ Mechanisms string }

func (e *RejectedError) Error() string {
	return "the bus does not take this process for one of its owner's (it offers " + strconv.Quote(e.Mechanisms) + ")"
}

// maxLine is a generous bound for a line of the authentication.
const maxLine = 1024

// Authenticated waits for the answers to [Conn.Greet]. Messages that were queued with it leave now, if they had not yet.
func (c *Conn) Authenticated(ctx context.Context) error {
	return c.guarded(ctx, func() error {
		if err := c.write(nil); err != nil {
			return err
		}
		for accepted := false; ; {
			line, err := c.line()
			if err != nil {
				return err
			}
			word, rest, _ := strings.Cut(line, " ")
			switch {
			case word == "DATA" && !accepted:
			case word == "OK" && !accepted:
				accepted = true
			case word == "REJECTED":
				return &RejectedError{rest}
			case word == "AGREE_UNIX_FD" && accepted:
				c.files = true
				return nil
			case word == "ERROR" && accepted: // takes no descriptors
				return nil
			default:
				return fmt.Errorf("authentication: %q is no answer", line)
			}
		}
	})
}

// Files reports whether descriptors can be sent.
func (c *Conn) Files() bool { return c.files }

func (c *Conn) line() (string, error) {
	for {
		if i := bytes.Index(c.in, []byte("\r\n")); i >= 0 {
			line := string(c.in[:i])
			c.in = c.in[i+2:]
			return line, nil
		}
		if len(c.in) > maxLine {
			return "", fmt.Errorf("authentication: a line without an end")
		}
		if err := c.fill(); err != nil {
			return "", err
		}
	}
}
