package launch

import (
	"slices"
	"testing"
	"unsafe"
)

// These need no kernel, so they also run where one is only emulated, on a machine of the other byte order for instance.

// TestSlotAsInt: what a system call finds and leaves at a slot's address is an int.
func TestSlotAsInt(t *testing.T) {
	var value, where Slot
	p := compile(t, 0, func(b *Builder) {
		_, value, where = b.Slot(), b.Slot(), b.Slot()
		b.Call("use", 0, value.Arg(), value.Address())
		b.Stop(0)
	})
	arena := load(p, nil, 0)
	base := unsafe.Pointer(unsafe.SliceData(arena))
	h := (*header)(base)
	s := stepAt(base, h, 0)
	keep(base, h, &step{out: int32(value)}, 1234, 0)
	at := (*int32)(unsafe.Add(base, arg(base, h, s, 1)-uintptr(base)))
	if *at != 1234 {
		t.Errorf("the kernel would read %d", *at)
	}
	*at = 77
	if v := arg(base, h, s, 0); v != 77 {
		t.Errorf("the kernel wrote 77, the slot holds %d", v)
	}
	if v := *(*uint64)(unsafe.Add(base, uintptr(h.slots)+8*uintptr(where))); v != 0 {
		t.Errorf("the next slot holds %d", v)
	}
}

// TestPointerArray: an argv is one of the machine's own words, and relocation makes addresses of the offsets in it.
func TestPointerArray(t *testing.T) {
	p := compile(t, 0, func(b *Builder) {
		b.Call("execute", 0, b.Pointers([]Arg{b.String("sh"), b.Space(4), b.String("-l")}))
	})
	arena := load(p, nil, 0)
	base := unsafe.Pointer(unsafe.SliceData(arena))
	h := (*header)(base)
	relocate(base, h)
	list := unsafe.Slice((*uintptr)(at(base, h, stepAt(base, h, 0), 0)), 4)
	var got []string
	for _, address := range list[:3] {
		p := (*[3]byte)(unsafe.Add(base, address-uintptr(base)))
		got = append(got, string(p[:]))
	}
	if want := []string{"sh\x00", "\x00\x00\x00", "-l\x00"}; !slices.Equal(got, want) || list[3] != 0 {
		t.Errorf("%q, then %#x", got, list[3])
	}
}

// TestConstants come out as they went in: as far as the machine's words go.
func TestConstants(t *testing.T) {
	for _, v := range []uint64{0, 1, ^uint64(0), 1<<31 - 1, 1 << 31, 1<<32 - 1, 1 << 32, 1 << 63, ^uint64(99)} {
		p := compile(t, 0, func(b *Builder) { b.Call("use", 0, Const(v), Const(2)) })
		arena := load(p, nil, 0)
		base := unsafe.Pointer(unsafe.SliceData(arena))
		h := (*header)(base)
		if got := arg(base, h, stepAt(base, h, 0), 0); got != uintptr(v) {
			t.Errorf("%#x became %#x", v, got)
		}
	}
}

// TestLayouts: what parent, child and kernel share has one size everywhere, or that of the kernel there.
func TestLayouts(t *testing.T) {
	word := unsafe.Sizeof(uintptr(0))
	for name, sizes := range map[string][2]uintptr{
		"message":    {unsafe.Sizeof(message{}), 32},
		"fdMove":     {unsafe.Sizeof(fdMove{}), 12},
		"step":       {unsafe.Sizeof(step{}), 40},
		"rule":       {unsafe.Sizeof(rule{}), 12},
		"clone_args": {unsafe.Sizeof(cloneArgs{}), 88},
		"iovec":      {unsafe.Sizeof(iovec{}), 2 * word},
		"msghdr":     {unsafe.Sizeof(msghdr{}), 7 * word}, // two ints take a word each with their padding, where a word is larger
		"cmsghdr":    {unsafe.Sizeof(cmsghdr{}), word + 8},
	} {
		if sizes[0] != sizes[1] {
			t.Errorf("%s: %d bytes, not %d", name, sizes[0], sizes[1])
		}
	}
}
