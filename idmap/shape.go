package idmap

import (
	"os"
	"strconv"
)

// SubRange is Size consecutive ids from Start on.
type SubRange struct{ Start, Size uint32 }

// Single is the map that needs no grant: the caller's own id is 0.
func Single(own uint32) Map { return Map{{ContainerID: 0, HostID: own, Size: 1}} }

// Auto makes the caller's id 0 and lays the sub-ids out from 1 on, in their
// order. The number is how many sub-ids found no room (see fit).
func Auto(own uint32, sub []SubRange) (Map, uint64) {
	m := Single(own)
	next := uint64(1)
	for _, s := range disjoint(own, sub) {
		m, next = m.lay(next, s)
	}
	return m.fit(sub, own)
}

// KeepID maps the caller's id to itself and lays the sub-ids out around it: below
// it, from 0 on, as many as fit; the others above. The number is Auto's.
func KeepID(own uint32, sub []SubRange) (Map, uint64) {
	var below, above Map
	next := uint64(0)
	for _, s := range disjoint(own, sub) {
		if next < uint64(own) {
			n := uint32(min(uint64(s.Size), uint64(own)-next))
			below, next = below.lay(next, SubRange{Start: s.Start, Size: n})
			s = SubRange{Start: s.Start + n, Size: s.Size - n}
		}
		if s.Size > 0 {
			above, next = above.lay(max(next, uint64(own)+1), s)
		}
	}
	// The own id comes first, so that fit, which drops lines from the end,
	// never drops it; the kernel does not care about the order.
	m := append(Map{{ContainerID: own, HostID: own, Size: 1}}, below...)
	return append(m, above...).fit(sub, own)
}

// lay maps s to the container ids from next on, cutting it where ids end.
func (m Map) lay(next uint64, s SubRange) (Map, uint64) {
	if next >= idEnd {
		return m, next
	}
	size := uint32(min(uint64(s.Size), idEnd-next))
	return m.extend(Range{ContainerID: uint32(next), HostID: s.Start, Size: size}), next + uint64(size)
}

// fit drops lines from the end until the kernel takes the map, and counts the
// ids of sub that did not get in.
func (m Map) fit(sub []SubRange, own uint32) (Map, uint64) {
	bytes, page := 0, os.Getpagesize()
	for i, r := range m {
		bytes += len(r.String()) + 1
		if bytes >= page || i >= MaxLines {
			m = m[:i]
			break
		}
	}
	left := uint64(1)
	for _, s := range disjoint(own, sub) {
		left += uint64(s.Size)
	}
	for _, r := range m {
		left -= uint64(r.Size)
	}
	return m, left
}

// disjoint takes out of each range what an earlier one has, and the caller's own
// id: grants of two administrators overlap at times, and the kernel refuses a
// map that has an id twice.
func disjoint(own uint32, sub []SubRange) []SubRange {
	taken := []SubRange{{Start: own, Size: 1}}
	var out []SubRange
	for _, s := range sub {
		if s.Size == 0 || uint64(s.Start)+uint64(s.Size) > idEnd {
			continue
		}
		free := subtract([]SubRange{s}, taken)
		out = append(out, free...)
		taken = append(taken, free...)
	}
	return out
}

// subtract is what of the ranges is in none of the others.
func subtract(ranges, others []SubRange) []SubRange {
	for _, o := range others {
		var rest []SubRange
		for _, r := range ranges {
			rEnd, oEnd := uint64(r.Start)+uint64(r.Size), uint64(o.Start)+uint64(o.Size)
			if before := min(rEnd, uint64(o.Start)); before > uint64(r.Start) {
				rest = append(rest, SubRange{Start: r.Start, Size: uint32(before - uint64(r.Start))})
			}
			if after := max(uint64(r.Start), oEnd); after < rEnd {
				rest = append(rest, SubRange{Start: uint32(after), Size: uint32(rEnd - after)})
			}
		}
		ranges = rest
	}
	return ranges
}

// Within cuts ranges down to the ids that outer, the map of the caller's own user
// namespace, has. What an image's /etc/subuid grants is often not there in the
// container that the image runs in.
func Within(ranges []SubRange, outer Map) []SubRange {
	have := make([]SubRange, len(outer))
	for i, r := range outer {
		have[i] = SubRange{Start: r.ContainerID, Size: r.Size}
	}
	var out []SubRange
	for _, r := range ranges {
		missing := subtract([]SubRange{r}, have)
		out = append(out, subtract([]SubRange{r}, missing)...)
	}
	return out
}

// Lacking is the host ids of m that none of the granted ranges has.
func (m Map) Lacking(granted []SubRange) []SubRange {
	var lacking []SubRange
	for _, r := range m {
		lacking = append(lacking, subtract([]SubRange{{Start: r.HostID, Size: r.Size}}, granted)...)
	}
	return lacking
}

// String is the range in words of a message: "100000-165535".
func (s SubRange) String() string {
	first := strconv.FormatUint(uint64(s.Start), 10)
	if s.Size == 1 {
		return first
	}
	return first + "-" + strconv.FormatUint(uint64(s.Start)+uint64(s.Size)-1, 10)
}

// describe lists ranges for a message, the first few.
func describe(ranges []SubRange) string {
	const few = 5
	if len(ranges) == 0 {
		return "none"
	}
	text := ""
	for i, r := range ranges {
		if i == few {
			return text + " and " + strconv.Itoa(len(ranges)-few) + " more"
		}
		if i > 0 {
			text += ", "
		}
		text += r.String()
	}
	return text
}
