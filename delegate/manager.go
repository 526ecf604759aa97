package delegate

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/dbus"
	"github.com/roost-run/roost/internal/fault"
)

// How long things may take. A context may say less.
const (
	toAnswer = 3 * time.Second  // a bus that is asked whether it is there
	toReply  = 10 * time.Second // a call
	toFinish = 30 * time.Second // a job
)

const (
	systemd          = "org.freedesktop.systemd1"
	systemdPath      = "/org/freedesktop/systemd1"
	managerInterface = systemd + ".Manager"
	unitInterface    = systemd + ".Unit"
	properties       = "org.freedesktop.DBus.Properties"
	busName          = "org.freedesktop.DBus"
)

// manager is a connection to a service manager.
type manager struct {
	*dbus.Conn
	door    door
	tried   []Tried
	version uint32 // the number of the call that asks for it
}

// connect finds a manager that lets this caller in.
func connect(ctx context.Context, c caller, bus string) (*manager, error) {
	return first(ctx, c, c.doors(bus))
}

func first(ctx context.Context, c caller, doors []door) (*manager, error) {
	var tried []Tried
	for _, d := range doors {
		m, err := enter(ctx, c, d)
		if err == nil {
			m.tried = append(tried, d.Tried)
			return m, nil
		}
		d.Err = err
		tried = append(tried, d.Tried)
		if ctx.Err() != nil {
			break
		}
	}
	return nil, fault.Mark(fault.Cgroup, &NoBusError{tried, c.remedy(tried)})
}

// enter connects and authenticates. Everything that a start needs beforehand leaves with the same write, and is answered while the
// caller does something else.
func enter(ctx context.Context, c caller, d door) (*manager, error) {
	if d.Err != nil {
		return nil, d.Err
	}
	ctx, cancel := context.WithTimeout(ctx, toAnswer)
	defer cancel()
	m, err := greet(ctx, c, d, "")
	var rejected *dbus.RejectedError
	if errors.As(err, &rejected) && c.host != "" {
		m, err = greet(ctx, c, d, c.host) // some want to be told
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("it does not answer: %w", err)
	}
	return m, err
}

func greet(ctx context.Context, c caller, d door, uid string) (*manager, error) {
	conn, err := dbus.Dial(ctx, dbus.Address(d.Address))
	if err != nil {
		return nil, err
	}
	m := &manager{Conn: conn, door: d}
	if err := m.introduce(ctx, c, uid); err != nil {
		conn.Close()
		return nil, err
	}
	return m, nil
}

func (m *manager) introduce(ctx context.Context, c caller, uid string) error {
	peer, err := m.Peer()
	if err == nil {
		err = c.trust(peer)
	}
	if err != nil {
		return err
	}
	m.Greet(uid)
	if !m.door.direct {
		// Without Subscribe: whoever starts a job is told of its end, and others' units are none of our business.
		const match = "type='signal',sender='" + systemd + "',path='" + systemdPath + "',interface='" + managerInterface + "',member='JobRemoved'"
		if _, err := m.Send(dbus.Call{Destination: busName, Path: "/org/freedesktop/DBus", Interface: busName, Member: "Hello"}); err != nil {
			return err
		}
		if _, err := m.Send(dbus.Call{Destination: busName, Path: "/org/freedesktop/DBus", Interface: busName, Member: "AddMatch", Signature: "s", Body: []any{match}}); err != nil {
			return err
		}
	}
	m.version, err = m.Send(get(systemdPath, managerInterface, "Version"))
	if err != nil {
		return err
	}
	return m.Authenticated(ctx)
}

func get(path, iface, name string) dbus.Call {
	return dbus.Call{Destination: systemd, Path: path, Interface: properties, Member: "Get", Signature: "ss", Body: []any{iface, name}}
}

func method(member, signature string, body ...any) dbus.Call {
	return dbus.Call{Destination: systemd, Path: systemdPath, Interface: managerInterface, Member: member, Signature: signature, Body: body}
}

// systemdVersion is the number in front of "257.9-1~deb13u1"; 0 when it does not say. It is asked for once.
func (m *manager) systemdVersion(ctx context.Context) (int, string, error) {
	ctx, cancel := context.WithTimeout(ctx, toReply)
	defer cancel()
	body, err := m.Reply(ctx, m.version)
	if err != nil {
		return 0, "", err
	}
	text, _ := variant(body).(string)
	return versionNumber(text), text, nil
}

func versionNumber(text string) int {
	digits := strings.TrimLeft(text, "v")
	if i := strings.IndexFunc(digits, func(r rune) bool { return r < '0' || r > '9' }); i >= 0 {
		digits = digits[:i]
	}
	n, _ := strconv.Atoi(digits)
	return n
}

// variant is the value of a reply to Get.
func variant(body []any) any {
	if len(body) != 1 {
		return nil
	}
	v, _ := body[0].(dbus.Variant)
	return v.Value
}

// call is one call with a deadline of its own.
func (m *manager) call(ctx context.Context, call dbus.Call) ([]any, error) {
	ctx, cancel := context.WithTimeout(ctx, toReply)
	defer cancel()
	return m.Call(ctx, call)
}

// remedy is for who has no manager that answers.
func (c caller) remedy(tried []Tried) string {
	if c.root {
		return "roost takes cgroups from systemd here: is it process 1 of this machine, and /run/dbus or /run/systemd visible from here?"
	}
	for _, t := range tried {
		if !errors.Is(t.Err, unix.ENOENT) && t.Address != "" {
			return `see whether your service manager works: "systemctl --user status"`
		}
	}
	return `log in so that there is a service manager of yours (with ssh or at a terminal; su and sudo make none), or ask an administrator for ` +
		`"loginctl enable-linger" for this user, and for the package dbus-user-session`
}
