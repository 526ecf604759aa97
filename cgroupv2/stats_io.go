package cgroupv2

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// IOStats is io.stat and io.pressure.
type IOStats struct {
	Devices  []DeviceStats // by number
	Pressure *Pressure
}

// DeviceStats is a line of io.stat: what has been done on a block device.
type DeviceStats struct {
	Major, Minor                              uint32
	ReadBytes, WriteBytes, DiscardBytes       uint64
	Reads, Writes, Discards                   uint64            // operations
	ReadLimit, WriteLimit                     uint64            // bytes per second (io.max); 0 where the device isn't in it
	ReadOperationsLimit, WriteOperationsLimit uint64            // operations per second
	Raw                                       map[string]uint64 // all columns: "rbytes", and with io.cost "cost.usage" in µs
}

func (r *reader) io() *IOStats {
	stat := r.nested("io.stat")
	if stat == nil {
		return nil
	}
	s := &IOStats{Pressure: r.pressure("io.pressure")}
	limits := r.nested("io.max")
	for name, now := range stat {
		major, minor, ok := numbers(name)
		if !ok {
			continue
		}
		limit := limits[name]
		s.Devices = append(s.Devices, DeviceStats{
			Major: major, Minor: minor, Raw: now,
			ReadBytes: now["rbytes"], WriteBytes: now["wbytes"], DiscardBytes: now["dbytes"],
			Reads: now["rios"], Writes: now["wios"], Discards: now["dios"],
			ReadLimit: limit["rbps"], WriteLimit: limit["wbps"],
			ReadOperationsLimit: limit["riops"], WriteOperationsLimit: limit["wiops"],
		})
	}
	slices.SortFunc(s.Devices, func(a, b DeviceStats) int {
		return cmp.Or(cmp.Compare(a.Major, b.Major), cmp.Compare(a.Minor, b.Minor))
	})
	return s
}

func numbers(device string) (major, minor uint32, ok bool) {
	a, b, _ := strings.Cut(device, ":")
	first, err := strconv.ParseUint(a, 10, 32)
	if err != nil {
		return 0, 0, false
	}
	second, err := strconv.ParseUint(b, 10, 32)
	return uint32(first), uint32(second), err == nil
}

// Pressure is how long processes waited for a resource ("pressure stall information"). Nil where the kernel has none, or it is
// switched off (psi=0, cgroup.pressure). Source: Documentation/accounting/psi.rst.
type Pressure struct {
	Some Stall // at least one of them waited
	Full Stall // all that were not idle waited
}

// Stall is a share of the time, in percent over the last 10, 60 and 300 seconds, and the sum, in µs.
type Stall struct {
	Avg10, Avg60, Avg300 float64
	Total                uint64
}

func (r *reader) pressure(file string) *Pressure {
	text, ok := r.text(file)
	if !ok {
		return nil
	}
	var p Pressure
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		switch {
		case len(f) == 0:
		case f[0] == "some":
			p.Some = stall(f[1:])
		case f[0] == "full":
			p.Full = stall(f[1:])
		}
	}
	return &p
}

func stall(columns []string) (s Stall) {
	for _, column := range columns {
		name, value, _ := strings.Cut(column, "=")
		if name == "total" {
			s.Total, _ = number(value)
			continue
		}
		share, err := strconv.ParseFloat(value, 64)
		if err != nil {
			continue
		}
		switch name {
		case "avg10":
			s.Avg10 = share
		case "avg60":
			s.Avg60 = share
		case "avg300":
			s.Avg300 = share
		}
	}
	return s
}
