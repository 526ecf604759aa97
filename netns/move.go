package netns

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Device is a device that was moved.
type Device struct {
	Name string // in the namespace where it is now

	index     int32 // there
	flags     uint32
	addresses []address
	old       string // its name where it came from
}

// Move takes a device out of the caller's network namespace into another. It is called name there, of which a %d becomes a number
// that makes it unique; gets its permanent addresses of global scope back, and is up. On an error it is where it was.
// The caller has to have CAP_NET_ADMIN over both namespaces, and CAP_SYS_ADMIN to enter the other.
func Move(device string, to *os.File, name string) (*Device, error) {
	here, err := dial()
	if err != nil {
		return nil, err
	}
	defer here.close()
	there, err := dialIn(to)
	if err != nil {
		return nil, err
	}
	defer there.close()
	l, err := here.byName(device)
	if err != nil {
		return nil, notThere(err)
	}
	if l.name != device { // an alternative name
		device = l.name
	}
	d := &Device{flags: l.flags, old: device}
	if d.addresses, err = here.addresses(l.index); err != nil {
		return nil, err
	}
	if d.index, err = transfer(here, l.index, there, to, name); err != nil {
		return nil, nameTaken(err, name)
	}
	if err := d.settle(there, device); err != nil {
		return nil, errors.Join(err, d.Back(to))
	}
	return d, nil
}

func notThere(err error) error {
	if errors.Is(err, unix.ENODEV) {
		return fmt.Errorf("%w: there is none of this name; see `ip link`", err)
	}
	return err
}

func nameTaken(err error, name string) error {
	if errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("%w: the other network namespace has a device called %s; choose another name", err, name)
	}
	return err
}

// transfer moves a device and says which index it has then: its own if that is free, or else another. So it can be found again
// even if its name is the kernel's choice.
func transfer(from *conn, index int32, to *conn, namespace *os.File, name string) (int32, error) {
	for try := 0; ; try++ {
		used, err := to.indices()
		if err != nil {
			return 0, err
		}
		free := index
		for used[free] {
			free++
		}
		err = from.move(index, int(namespace.Fd()), name, free)
		if err == nil || !errors.Is(err, unix.EBUSY) || try == 10 { // EBUSY: somebody was faster
			return free, err
		}
	}
}

// settle makes the device what it was before it moved: what was called name there.
func (d *Device) settle(c *conn, name string) error {
	l, err := c.byIndex(d.index)
	if err != nil {
		return err
	}
	d.Name = l.name
	for _, a := range d.addresses {
		if err := c.add(l, a, name); err != nil && !errors.Is(err, unix.EEXIST) {
			return fmt.Errorf("give it its addresses back: %w", err)
		}
	}
	if err := c.up(d.index); err != nil {
		return fmt.Errorf("bring it up: %w", err)
	}
	return nil
}

// Back takes the device out of the namespace where Move put it, and makes it what it was: a virtual device would die with that
// namespace.
func (d *Device) Back(from *os.File) error {
	err := d.back(from)
	if err != nil {
		return fmt.Errorf("move the network device %s back: %w", d.old, err)
	}
	return nil
}

func (d *Device) back(from *os.File) error {
	there, err := dialIn(from)
	if err != nil {
		return err
	}
	defer there.close()
	here, err := dial()
	if err != nil {
		return err
	}
	defer here.close()
	fd, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: "/proc/thread-self/ns/net", Err: err}
	}
	own := os.NewFile(uintptr(fd), "own network namespace")
	defer own.Close()
	index, err := transfer(there, d.index, here, own, d.old)
	if err != nil {
		return err
	}
	l, err := here.byIndex(index)
	if err != nil {
		return err
	}
	for _, a := range d.addresses {
		if err := here.add(l, a, d.old); err != nil && !errors.Is(err, unix.EEXIST) {
			return err
		}
	}
	if d.flags&unix.IFF_UP != 0 {
		return here.up(index)
	}
	return nil
}
