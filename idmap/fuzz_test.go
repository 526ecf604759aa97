package idmap

import (
	"encoding/binary"
	"testing"
)

// decode makes a map of arbitrary bytes, mostly small numbers so that lines meet.
func decode(data []byte) Map {
	var m Map
	for ; len(data) >= 6 && len(m) < 20; data = data[6:] {
		m = append(m, Range{
			ContainerID: uint32(binary.LittleEndian.Uint16(data)),
			HostID:      uint32(binary.LittleEndian.Uint16(data[2:])),
			Size:        uint32(binary.LittleEndian.Uint16(data[4:])),
		})
		if data[0] == 0xff {
			m[len(m)-1].Size <<= 16
		}
		if data[2] == 0xff {
			m[len(m)-1].HostID <<= 16
		}
	}
	return m
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "0:1000:1", "0:1000:1,1:100000:65536", "0:0:4294967295", "1:1:1,1:1:1", "4294967295:0:1", ":::,"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		m, err := Parse(s)
		if err != nil {
			return
		}
		if err := m.Validate(); err != nil {
			t.Fatalf("parsed, but invalid: %v", err)
		}
		again, err := Parse(m.String())
		if err != nil || again.String() != m.String() {
			t.Fatalf("%q: %v, %v", m.String(), again, err)
		}
		kernel, err := ParseKernel(m.Kernel())
		if err != nil || kernel.String() != m.String() {
			t.Fatalf("%q: %v, %v", m.Kernel(), kernel, err)
		}
	})
}

// In a valid map the two translations are each other's inverse, at the ends of
// every line and beside them.
func FuzzTranslate(f *testing.F) {
	f.Add([]byte{0, 0, 232, 3, 1, 0, 1, 0, 160, 134, 255, 255}, uint32(7))
	f.Fuzz(func(t *testing.T, data []byte, id uint32) {
		m := decode(data)
		ids := []uint32{id}
		for _, r := range m {
			ids = append(ids, r.ContainerID, r.ContainerID-1, r.ContainerID+r.Size-1, r.ContainerID+r.Size, r.HostID)
		}
		valid := m.Validate() == nil
		for _, id := range ids {
			if host, ok := m.ToHost(id); ok && valid {
				if back, ok := m.ToContainer(host); !ok || back != id {
					t.Fatalf("%s: %d → %d → %d, %v", m, id, host, back, ok)
				}
			}
			if container, ok := m.ToContainer(id); ok && valid {
				if back, ok := m.ToHost(container); !ok || back != id {
					t.Fatalf("%s: %d ← %d ← %d, %v", m, id, container, back, ok)
				}
			}
		}
	})
}

// A composed map translates as the two do one after the other, and it is valid
// where both are.
func FuzzCompose(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 3, 0}, []byte{0, 0, 232, 3, 1, 0, 1, 0, 160, 134, 255, 255}, uint32(1))
	f.Fuzz(func(t *testing.T, a, b []byte, id uint32) {
		inner, outer := decode(a), decode(b)
		composed, err := inner.Compose(outer)
		if err != nil {
			return
		}
		if inner.Validate() == nil && outer.Validate() == nil {
			if err := composed.Validate(); err != nil {
				t.Fatalf("%s in %s is %s: %v", inner, outer, composed, err)
			}
		} else {
			return
		}
		for _, r := range append(inner, Range{ContainerID: id, Size: 1}) {
			for _, id := range []uint32{r.ContainerID, r.ContainerID + r.Size - 1} {
				middle, ok := inner.ToHost(id)
				want, okOuter := outer.ToHost(middle)
				got, okGot := composed.ToHost(id)
				if okGot != (ok && okOuter) || okGot && got != want {
					t.Fatalf("%s in %s is %s: %d → %d, %v; want %d", inner, outer, composed, id, got, okGot, want)
				}
			}
		}
	})
}

// Whatever an administrator granted, the shapes are valid maps that keep the
// caller's id.
func FuzzShapes(f *testing.F) {
	f.Add([]byte{0, 0, 160, 134, 255, 255}, uint32(1000))
	f.Fuzz(func(t *testing.T, data []byte, own uint32) {
		if own >= idEnd {
			return
		}
		var sub []SubRange
		for _, r := range decode(data) {
			sub = append(sub, SubRange{Start: r.HostID, Size: r.Size})
		}
		for want, shape := range []func(uint32, []SubRange) (Map, uint64){Auto, KeepID} {
			m, _ := shape(own, sub)
			if err := m.Validate(); err != nil {
				t.Fatalf("own %d, granted %v: %s: %v", own, sub, m, err)
			}
			if id, ok := m.ToContainer(own); !ok || id != uint32(want)*own {
				t.Fatalf("own %d, granted %v: %s maps it to %d, %v", own, sub, m, id, ok)
			}
			if lacking := m.Lacking(append(sub, SubRange{own, 1})); m.Validate() == nil && len(lacking) > 0 && !wraps(sub) {
				t.Fatalf("own %d, granted %v: %s has ids that were not granted: %v", own, sub, m, lacking)
			}
		}
	})
}

func wraps(sub []SubRange) bool {
	for _, s := range sub {
		if uint64(s.Start)+uint64(s.Size) > idEnd {
			return true
		}
	}
	return false
}

// The account files: no input makes a range that is empty or passes the last id.
func FuzzFiles(f *testing.F) {
	f.Add([]byte("alice:100000:65536\n1000:300000:10\n"))
	f.Add([]byte("alice:x:1000:100:A:/home/a:/bin/sh\n"))
	f.Add([]byte("subid: [!x] sss # files\n"))
	f.Add([]byte("0: alice 100000 65536\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		ranges := scanSubIDs(data, Account{UID: 1000, Name: "alice"})
		more, _ := scanGetsubids(string(data))
		for _, r := range append(ranges, more...) {
			if r.Size == 0 || uint64(r.Start)+uint64(r.Size) > idEnd {
				t.Fatalf("%v", r)
			}
		}
		if a, ok := scanPasswd(data, 1000); ok && (a.Name == "" || a.UID != 1000) {
			t.Fatalf("%+v", a)
		}
		services(data, "subid")
	})
}
