package dbus

import (
	"context"
	"fmt"
	"os"
	"time"
)

// Call is a method call.
type Call struct {
	Destination, Path, Interface, Member string
	Signature                            string
	Body                                 []any      // see [Variant] for what stands for what
	Files                                []*os.File // what values of type h count into
}

// Error is an error that the other side sent.
type Error struct{ Name, Message string }

func (e *Error) Error() string {
	if e.Message == "" {
		return e.Name
	}
	return e.Message + " (" + e.Name + ")"
}

// Send queues a call without descriptors, and tells by which number [Conn.Reply] knows it.
func (c *Conn) Send(call Call) (uint32, error) {
	if len(call.Files) > 0 {
		return 0, fmt.Errorf("%s: descriptors do not wait in a queue", call.Member)
	}
	return c.queue(call)
}

func (c *Conn) queue(call Call) (uint32, error) {
	c.serial++
	b, err := call.marshal(c.serial)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", call.Member, err)
	}
	c.out = append(c.out, b...)
	return c.serial, nil
}

// SendNow writes what is queued and then the call with its descriptors, for which the authentication has to be over.
func (c *Conn) SendNow(ctx context.Context, call Call) (serial uint32, err error) {
	if len(call.Files) > 0 && !c.files {
		return 0, fmt.Errorf("%s: descriptors cannot be sent over this connection", call.Member)
	}
	return serial, c.guarded(ctx, func() error {
		// What was queued before goes first, so that descriptors arrive with the message that they belong to.
		err := c.write(nil)
		if err == nil {
			serial, err = c.queue(call)
		}
		fds := make([]int, len(call.Files))
		for i, f := range call.Files {
			fds[i] = int(f.Fd())
		}
		if err == nil {
			err = c.write(fds)
		}
		return err
	})
}

// Reply waits for what comes back for a call. Signals that come before it are kept for [Conn.Signal]; replies that nobody asks
// for are kept too.
func (c *Conn) Reply(ctx context.Context, serial uint32) ([]any, error) {
	m, err := c.next(ctx, func(m *Message) bool { return m.replyTo == serial && (m.kind == methodReturn || m.kind == errorReply) })
	if err != nil {
		return nil, err
	}
	if m.kind == errorReply {
		text := ""
		if len(m.Body) > 0 {
			text, _ = m.Body[0].(string)
		}
		return nil, &Error{m.errorName, text}
	}
	return m.Body, nil
}

// Call sends and waits.
func (c *Conn) Call(ctx context.Context, call Call) ([]any, error) {
	serial, err := c.SendNow(ctx, call)
	if err != nil {
		return nil, err
	}
	return c.Reply(ctx, serial)
}

// Signal waits for a signal that the function takes, at most for so long; nil when there was none. The connection is as good
// after a quiet wait as before.
func (c *Conn) Signal(ctx context.Context, within time.Duration, take func(*Message) bool) (*Message, error) {
	if err := c.Flush(ctx); err != nil {
		return nil, err
	}
	c.quiet = time.Now().Add(within)
	defer func() { c.quiet = time.Time{} }()
	m, err := c.next(ctx, func(m *Message) bool { return m.kind == signal && take(m) })
	if err == errQuiet {
		return nil, nil
	}
	return m, err
}

// maxEarly bounds what is kept for later: somebody may send signals without an end.
const maxEarly = 1024

func (c *Conn) next(ctx context.Context, take func(*Message) bool) (*Message, error) {
	for i, m := range c.early {
		if take(m) {
			c.early = append(c.early[:i], c.early[i+1:]...)
			return m, nil
		}
	}
	var found *Message
	err := c.guarded(ctx, func() error {
		if err := c.write(nil); err != nil {
			return err
		}
		for {
			m, err := c.receive()
			if err != nil {
				return err
			}
			if take(m) {
				found = m
				return nil
			}
			if len(c.early) == maxEarly {
				c.early = c.early[1:]
			}
			c.early = append(c.early, m)
		}
	})
	return found, err
}

func (c *Conn) receive() (*Message, error) {
	for {
		m, n, err := unmarshal(c.in)
		if err != nil {
			return nil, err
		}
		if m != nil {
			c.in = c.in[n:]
			return m, nil
		}
		if err := c.fill(); err != nil {
			return nil, err
		}
	}
}
