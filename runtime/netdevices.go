package runtime

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/degrade"
	"github.com/roost-run/roost/internal/fault"
	"github.com/roost-run/roost/netns"
)

// moveDevices is the parent's part when the container's network namespace is there: only the parent can have power over both
// that and the one that devices come from.
func (b *birth) moveDevices(socket *os.File) (err error) {
	if b.failed != nil {
		return b.failed
	}
	if b.network, err = netns.Of(socket); err != nil {
		return b.refuseDevices("linux.netDevices", err)
	}
	for _, d := range b.plan.NetDevices {
		moved, err := netns.Move(d.Name, b.network, d.New)
		if err != nil {
			if err := b.refuseDevices(d.At, err); err != nil {
				return err
			}
			continue
		}
		b.moved = append(b.moved, moved)
	}
	return nil
}

// refuseDevices is the error, unless the policy lets the container run without.
func (b *birth) refuseDevices(at string, err error) error {
	if errors.Is(err, unix.EPERM) {
		err = fmt.Errorf("%w: moving network devices takes CAP_NET_ADMIN over both network namespaces: be root, or root of the user namespace that the device's network namespace belongs to", err)
	}
	if !b.plan.Policies.Allows(degrade.NetDevices) {
		return &fault.Error{Code: fault.Degraded, Kind: string(degrade.NetDevices), Hint: degrade.Remedy(degrade.NetDevices), Err: fmt.Errorf("config.json: %s: %w", at, err)}
	}
	b.plan.GivenUp = append(b.plan.GivenUp, Problem{Path: at, Text: "not moved: " + err.Error(), Loud: b.plan.Policies.For(degrade.NetDevices) == degrade.Warn})
	return nil
}

// returnDevices takes devices back when the container is not to be: virtual ones would die with its network namespace. A container
// that was there keeps its devices: the kernel takes physical ones back when the namespace ends, and the runtime-spec wants it to
// be the kernel (config-linux.md, "Namespace Lifecycle and Container Termination").
func (b *birth) returnDevices(err error) error {
	for i := len(b.moved) - 1; i >= 0; i-- {
		err = errors.Join(err, b.moved[i].Back(b.network))
	}
	closeFiles([]*os.File{b.network})
	return err
}
