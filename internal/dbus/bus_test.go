package dbus

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	godbus "github.com/godbus/dbus/v5"

	"github.com/roost-run/roost/internal/dbus/bustest"
)

const example = "org.example.Roost"

func bus(member, signature string, body ...any) Call {
	return Call{Destination: "org.freedesktop.DBus", Path: "/org/freedesktop/DBus", Interface: "org.freedesktop.DBus", Member: member, Signature: signature, Body: body}
}

func ours(member, signature string, body ...any) Call {
	return Call{Destination: example, Path: "/x", Interface: example, Member: member, Signature: signature, Body: body}
}

// service is the other side, by godbus.
type service struct{ conn *godbus.Conn }

func (s *service) Echo(text string, values []property) (string, int, *godbus.Error) {
	return text, len(values), nil
}

func (s *service) Fail() *godbus.Error {
	return godbus.NewError("org.example.Error", []any{"because"})
}

func (s *service) Inode(fd godbus.UnixFD) (string, *godbus.Error) {
	f := os.NewFile(uintptr(fd), "")
	defer f.Close()
	name, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(int(f.Fd())))
	if err != nil {
		return "", godbus.MakeFailedError(err)
	}
	return name, nil
}

func (s *service) Shout(n uint32) *godbus.Error {
	for i := range n {
		if err := s.conn.Emit("/x", example+".Heard", i); err != nil {
			return godbus.MakeFailedError(err)
		}
	}
	return nil
}

func serve(t *testing.T, d *bustest.Daemon) {
	t.Helper()
	conn, err := godbus.Connect("unix:path=" + d.Path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	s := &service{conn}
	if err := conn.Export(s, "/x", example); err != nil {
		t.Fatal(err)
	}
	if reply, err := conn.RequestName(example, godbus.NameFlagDoNotQueue); err != nil || reply != godbus.RequestNameReplyPrimaryOwner {
		t.Fatal(reply, err)
	}
}

func background(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// entered is a connection of which nothing was waited for but the authentication.
func entered(t *testing.T, path, uid string, more ...Call) *Conn {
	t.Helper()
	ctx := background(t)
	c, err := Dial(ctx, Address(path))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	c.Greet(uid)
	for _, call := range append([]Call{bus("Hello", "")}, more...) {
		if _, err := c.Send(call); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Authenticated(ctx); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCallsAndErrors(t *testing.T) {
	d := bustest.Start(t)
	serve(t, d)
	for _, uid := range []string{"", strconv.Itoa(os.Geteuid())} {
		c, ctx := entered(t, d.Path, uid), background(t)
		if peer, err := c.Peer(); err != nil || int(peer.UID) != os.Geteuid() {
			t.Error(peer, err)
		}
		body, err := c.Call(ctx, ours("Echo", "sa(sv)", strings.Repeat("long ", 20000), []any{[]any{"a", Variant{"b", true}}}))
		if err != nil || len(body) != 2 || body[1] != int32(1) || len(body[0].(string)) != 100000 {
			t.Error(len(body), err)
		}
		_, err = c.Call(ctx, ours("Fail", ""))
		var e *Error
		if !errors.As(err, &e) || *e != (Error{"org.example.Error", "because"}) {
			t.Error(err)
		}
		if c.Broken() != nil {
			t.Error("an error that was sent broke the connection:", c.Broken())
		}
	}
}

func TestDescriptors(t *testing.T) {
	d := bustest.Start(t)
	serve(t, d)
	c, ctx := entered(t, d.Path, ""), background(t)
	f, err := os.Open("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	call := ours("Inode", "h", uint32(0))
	call.Files = []*os.File{f}
	if _, err := c.Send(call); err == nil {
		t.Error("a descriptor was queued")
	}
	body, err := c.Call(ctx, call)
	want := fmt.Sprintf("/proc/%d/status", os.Getpid())
	if err != nil || len(body) != 1 || body[0] != want {
		t.Error(body, err, want)
	}
}

// Calls that leave in one write are answered in order, and what comes in another order than it is asked for is kept.
func TestPipelining(t *testing.T) {
	d := bustest.Start(t)
	serve(t, d)
	c, ctx := entered(t, d.Path, "", bus("AddMatch", "s", "type='signal',interface='"+example+"'")), background(t)
	first, _ := c.Send(ours("Shout", "u", uint32(5)))
	second, _ := c.Send(ours("Echo", "sa(sv)", "x", []any{}))
	if body, err := c.Reply(ctx, second); err != nil || body[0] != "x" {
		t.Error(body, err)
	}
	if _, err := c.Reply(ctx, first); err != nil {
		t.Error(err)
	}
	for i := range uint32(5) {
		m, err := c.Signal(ctx, time.Minute, func(m *Message) bool { return m.Member == "Heard" })
		if err != nil || m.Body[0] != i {
			t.Fatal(m, err)
		}
	}
	if m, err := c.Signal(ctx, 20*time.Millisecond, func(*Message) bool { return false }); m != nil || err != nil {
		t.Error("quiet:", m, err)
	}
	if body, err := c.Call(ctx, ours("Echo", "sa(sv)", "y", []any{})); err != nil || body[0] != "y" {
		t.Error("after the quiet:", body, err)
	}
}

func TestAContextEndsEveryWait(t *testing.T) {
	d := bustest.Start(t)
	stopped := entered(t, d.Path, "")
	d.Stop()
	silent := bustest.Listen(t, func(net.Conn) {})
	full := bustest.Listen(t, nil)
	for range 5000 { // until its queue is full
		conn, err := net.DialTimeout("unix", full, 50*time.Millisecond)
		if err != nil {
			break
		}
		t.Cleanup(func() { conn.Close() })
	}
	for name, try := range map[string]func(context.Context) error{
		"stopped": func(ctx context.Context) error { _, err := stopped.Call(ctx, bus("GetId", "")); return err },
		"silent":  func(ctx context.Context) error { return greetAt(ctx, silent) },
		"full":    func(ctx context.Context) error { return greetAt(ctx, full) },
	} {
		for _, end := range []error{context.DeadlineExceeded, context.Canceled} {
			ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
			if end == context.Canceled {
				ctx, cancel = context.WithCancel(context.Background())
				time.AfterFunc(50*time.Millisecond, cancel)
			}
			if err := try(ctx); !errors.Is(err, end) && name != "stopped" {
				t.Errorf("%s: %v, want %v", name, err, end)
			} else if err == nil {
				t.Errorf("%s: no error", name)
			}
			cancel()
		}
	}
	if stopped.Broken() == nil {
		t.Error("a connection that was left in mid-call can be used again")
	}
}

func greetAt(ctx context.Context, path string) error {
	c, err := Dial(ctx, Address(path))
	if err != nil {
		return err
	}
	defer c.Close()
	c.Greet("")
	return c.Authenticated(ctx)
}

func TestListenersThatAreNoBus(t *testing.T) {
	say := func(text string) func(net.Conn) {
		return func(c net.Conn) { _, _ = c.Write([]byte(text)); b := make([]byte, 100); _, _ = c.Read(b); c.Close() }
	}
	for name, text := range map[string]string{
		"hangs up": "", "not SASL": "HTTP/1.1 400\r\n\r\n", "rejects": "REJECTED EXTERNAL\r\n", "no end": strings.Repeat("x", 5000),
		"out of order": "AGREE_UNIX_FD\r\n", "accepts twice": "OK 0\r\nOK 0\r\n",
	} {
		err := greetAt(background(t), bustest.Listen(t, say(text)))
		var rejected *RejectedError
		if err == nil || errors.As(err, &rejected) != (name == "rejects") || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, text := range map[string]string{"hangs up": "", "garbage": "garbage and more of it", "too long": "l\x02\x00\x01\xff\xff\xff\x7f\x01\x00\x00\x00\x00\x00\x00\x00"} {
		c := entered(t, bustest.Listen(t, say("DATA\r\nOK 0\r\nERROR\r\n"+text)), "")
		if c.Files() {
			t.Error("takes descriptors")
		}
		if _, err := c.Call(background(t), bus("GetId", "")); err == nil || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
