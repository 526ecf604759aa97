package delegate

import (
	"context"
	"path"
	"time"

	"golang.org/x/sys/unix"
)

// toTell is how long a caller waits that can do without the answer.
const toTell = time.Second

// given asks a user's service manager whether it has given a unit away. The cgroup then gets a mark, so that the unit's next
// container needs no bus.
//
// Nobody is asked when nothing depends on it: a container without limits that is started by hand, from a terminal's scope. In a
// service it does, since what it starts is to end with it, and be told from it.
func (r Request) given(ctx context.Context, p place, mode string) bool {
	c := r.who()
	if !p.ofUser() || c.root || mode == Auto && !r.wanted() && !p.service() {
		return false
	}
	if !r.wanted() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, toTell)
		defer cancel()
	}
	m, err := connect(ctx, c, UserBus)
	if err != nil {
		return false
	}
	defer m.Close()
	u := Unit{Bus: UserBus, Name: p.unitName()}
	body, err := m.call(ctx, get(u.objectPath(), systemd+"."+kind(u.Name), "Delegate"))
	if yes, _ := variant(body).(bool); err != nil || !yes {
		return false
	}
	_ = unix.Setxattr(p.dir(p.unit), remembered, []byte("1"), 0) // before Linux 5.7 there are none; then it is asked again
	return true
}

// kind is the interface of a unit's type: Service, Scope.
func kind(unit string) string {
	ext := path.Ext(unit)
	return string(ext[1]&^0x20) + ext[2:]
}
