package idmap

import (
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// Compose translates the host side of m, whose ids are container ids of outer,
// to outer's host side. A line that outer maps in pieces becomes several. It is
// an error when outer does not map an id that m needs.
func (m Map) Compose(outer Map) (Map, error) {
	var composed Map
	for _, r := range m {
		for done := uint32(0); done < r.Size; {
			id := uint64(r.HostID) + uint64(done)
			piece, ok := outer.piece(id, r.Size-done)
			if !ok {
				return nil, fmt.Errorf("id %d of line %s is not mapped in the outer user namespace, which has %s", id, r, outer.ids())
			}
			composed = composed.extend(Range{ContainerID: r.ContainerID + done, HostID: piece.HostID, Size: piece.Size})
			done += piece.Size
		}
	}
	return composed, nil
}

// Inside translates the host side of m, whose ids are host ids of outer, to outer's container side: the same map for who
// is inside of the user namespace outer. It is an error when outer has no number for an id that m needs.
func (m Map) Inside(outer Map) (Map, error) { return m.Compose(outer.reverse()) }

// piece is how far one line of m goes from a container id on, up to size.
func (m Map) piece(id uint64, size uint32) (Range, bool) {
	if id >= idEnd {
		return Range{}, false
	}
	first := uint32(id)
	for _, r := range m {
		if first < r.ContainerID || first-r.ContainerID >= r.Size {
			continue
		}
		offset := first - r.ContainerID
		return Range{ContainerID: first, HostID: r.HostID + offset, Size: min(size, r.Size-offset)}, true
	}
	return Range{}, false
}

// extend appends a line, or lengthens the last one where that says the same.
func (m Map) extend(r Range) Map {
	if n := len(m); n > 0 {
		last := &m[n-1]
		end := func(first uint32) uint64 { return uint64(first) + uint64(last.Size) }
		if end(last.ContainerID) == uint64(r.ContainerID) && end(last.HostID) == uint64(r.HostID) &&
			uint64(last.Size)+uint64(r.Size) <= idEnd {
			last.Size += r.Size
			return m
		}
	}
	return append(m, r)
}

// ids lists the container ids of a map for a message, a few of them.
func (m Map) ids() string {
	ranges := make([]SubRange, len(m))
	for i, r := range m {
		ranges[i] = SubRange{Start: r.ContainerID, Size: r.Size}
	}
	return describe(ranges)
}

// FromSpecs takes the lines of a configuration as they are; Validate them.
func FromSpecs(lines []specs.LinuxIDMapping) Map {
	if len(lines) == 0 {
		return nil
	}
	m := make(Map, len(lines))
	for i, l := range lines {
		m[i] = Range{ContainerID: l.ContainerID, HostID: l.HostID, Size: l.Size}
	}
	return m
}

// Specs is the map as a configuration has it.
func (m Map) Specs() []specs.LinuxIDMapping {
	if len(m) == 0 {
		return nil
	}
	lines := make([]specs.LinuxIDMapping, len(m))
	for i, r := range m {
		lines[i] = specs.LinuxIDMapping{ContainerID: r.ContainerID, HostID: r.HostID, Size: r.Size}
	}
	return lines
}
