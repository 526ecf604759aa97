package idmap

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/roost-run/roost/internal/fault"
)

// MaxLines is how many lines the kernel takes in one map
// (UID_GID_MAP_MAX_EXTENTS, user_namespaces(7)).
const MaxLines = 340

// idEnd is one past the last id that can be mapped. (uid_t)-1 means "no change"
// to setresuid(2), so the kernel refuses to map it.
const idEnd = 1<<32 - 1

// Range maps Size consecutive ids: ContainerID and the following inside the
// user namespace are HostID and the following in the namespace of the caller.
type Range struct{ ContainerID, HostID, Size uint32 }

// Map is an id map, in the order of its lines. The zero value maps nothing.
type Map []Range

// Mapping is the pair of maps that a user namespace has.
type Mapping struct{ UIDs, GIDs Map }

// Validate says everything for which the kernel would refuse the map: no
// line, more than MaxLines, more text than a page, an empty line, ids past the end
// of the id space, ids that are mapped twice on either side.
func (m Map) Validate() error {
	switch {
	case len(m) == 0:
		return errors.New("id map is empty")
	case len(m) > MaxLines:
		return fault.New(fault.IDMap, "id map has %d lines", len(m)).Remedy("the kernel takes %d at most", MaxLines)
	}
	var problems []error
	for i, r := range m {
		if err := r.validate(); err != nil {
			problems = append(problems, fmt.Errorf("line %d of the id map, %s: %w", i+1, r, err))
		}
	}
	if len(problems) > 0 {
		return errors.Join(problems...)
	}
	// A map arrives in one write(2), which must be smaller than a page.
	if n, page := len(m.Kernel()), os.Getpagesize(); n >= page {
		return fault.New(fault.IDMap, "id map has %d bytes in %d lines", n, len(m)).Remedy("the kernel takes less than %d: use fewer, larger ranges", page)
	}
	return errors.Join(
		m.overlap("container", func(r Range) uint32 { return r.ContainerID }),
		m.overlap("host", func(r Range) uint32 { return r.HostID }),
	)
}

func (r Range) validate() error {
	if r.Size == 0 {
		return errors.New("size is 0")
	}
	for _, first := range [...]uint32{r.ContainerID, r.HostID} {
		if uint64(first)+uint64(r.Size) > idEnd {
			return fmt.Errorf("%d ids from %d on pass the last one, %d", r.Size, first, uint32(idEnd-1))
		}
	}
	return nil
}

// overlap requires lines that are valid one by one.
func (m Map) overlap(side string, first func(Range) uint32) error {
	if len(m) < 2 {
		return nil
	}
	sorted := slices.Clone(m)
	slices.SortFunc(sorted, func(a, b Range) int {
		if first(a) < first(b) {
			return -1
		}
		return 1
	})
	var problems []error
	for i := 1; i < len(sorted); i++ {
		a, b := sorted[i-1], sorted[i]
		if first(b)-first(a) < a.Size {
			problems = append(problems, fmt.Errorf("lines %s and %s of the id map overlap: both have %s id %d", a, b, side, first(b)))
		}
	}
	return errors.Join(problems...)
}

// ToHost translates an id of the container; false when it is not mapped.
func (m Map) ToHost(id uint32) (uint32, bool) {
	for _, r := range m {
		if id >= r.ContainerID && id-r.ContainerID < r.Size {
			host := uint64(r.HostID) + uint64(id-r.ContainerID)
			return uint32(host), host < idEnd
		}
	}
	return 0, false
}

// ToContainer translates an id of the host; false when it is not mapped.
func (m Map) ToContainer(id uint32) (uint32, bool) {
	return m.reverse().ToHost(id)
}

func (m Map) reverse() Map {
	back := make(Map, len(m))
	for i, r := range m {
		back[i] = Range{ContainerID: r.HostID, HostID: r.ContainerID, Size: r.Size}
	}
	return back
}

// Only tells whether the map is exactly one line that maps the one host id: what a
// process without any privilege may write for itself.
func (m Map) Only(host uint32) bool {
	return len(m) == 1 && m[0].Size == 1 && m[0].HostID == host
}
