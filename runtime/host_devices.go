package runtime

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/sys"
)

// findDevices looks for the host's nodes of devices that have to be bound, where the configuration gives them another name than
// the host does. That a node is the right one is the program's to find out.
func (p *Plan) findDevices() {
	for i := range p.Devices {
		d := &p.Devices[i]
		if d.Make || d.Type == unix.S_IFIFO || d.isAt(d.Path) {
			continue
		}
		kind := "char"
		if d.Type == unix.S_IFBLK {
			kind = "block"
		}
		text, err := sys.ReadProc(fmt.Sprintf("/sys/dev/%s/%d:%d/uevent", kind, d.Major, d.Minor))
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(text)) {
			if name, ok := strings.CutPrefix(strings.TrimSpace(line), "DEVNAME="); ok && d.isAt("/dev/"+name) {
				d.Source = "/dev/" + name
			}
		}
	}
}

// isAt reports whether a path of the host is a node of the device.
func (d *Device) isAt(path string) bool {
	var st unix.Stat_t
	err := unix.Lstat(path, &st)
	number := uint64(st.Rdev) //nolint:unconvert // it has 32 bits on mips
	return err == nil && st.Mode&unix.S_IFMT == d.Type && number == unix.Mkdev(d.Major, d.Minor)
}
