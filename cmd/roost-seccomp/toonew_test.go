package main

import (
	"testing"

	"golang.org/x/sys/unix"
)

// filter is what tooNew comes before here: it allows all, so that its answer is told from tooNew's.
func filter() []unix.SockFilter {
	return []unix.SockFilter{{Code: opReturn, K: allow}}
}

func TestTooNew(t *testing.T) {
	const x86, x64, arm, arm64 = unix.AUDIT_ARCH_I386, unix.AUDIT_ARCH_X86_64, unix.AUDIT_ARCH_ARM, unix.AUDIT_ARCH_AARCH64
	type want struct {
		machine, nr uint32
		fits        bool
	}
	for name, c := range map[string]struct {
		limits []limit
		want   []want
	}{
		"none":          {nil, []want{{x64, 1 << 29, true}}},
		"knows nothing": {[]limit{{x64, -1}}, []want{{x64, 1 << 29, true}}},
		"number 0 only": {[]limit{{x64, 0}}, []want{{x64, 0, true}, {x64, 1, false}}},
		"one":           {[]limit{{x64, 450}}, []want{{x64, 0, true}, {x64, 450, true}, {x64, 451, false}, {x64, x32Bit - 1, false}, {x86, 451, true}}},
		"x32 is not in it": {[]limit{{x64, 450}}, []want{
			{x64, x32Bit, true}, {x64, x32Bit | 451, true}, {x64, 0xffffffff, true},
		}},
		"x32 is": {[]limit{{x64, 450}, {x64, x32Bit | 547}}, []want{
			{x64, 450, true}, {x64, 451, false}, {x64, 547, false}, {x64, x32Bit, true}, {x64, x32Bit | 547, true}, {x64, x32Bit | 548, false}, {x64, 0xffffffff, false},
		}},
		"x32 alone": {[]limit{{x64, x32Bit | 100}}, []want{
			{x64, 5, true}, {x64, 4000, true}, {x64, x32Bit | 100, true}, {x64, x32Bit | 101, false},
		}},
		"three": {[]limit{{x64, 450}, {x86, 440}, {x64, x32Bit | 547}}, []want{
			{x64, 450, true}, {x64, 451, false}, {x64, x32Bit | 548, false}, {x86, 440, true}, {x86, 441, false}, {arm64, 1000, true},
		}},
		"arm": {[]limit{{arm64, 450}, {arm, 440}}, []want{
			{arm64, 450, true}, {arm64, 451, false}, {arm, 440, true}, {arm, 441, false}, {arm, armPrivate - 1, false}, {arm, armPrivate, true}, {arm, armPrivate + 5, true},
		}},
		"one that knows nothing between others": {[]limit{{x64, 450}, {x86, -1}, {arm, 440}}, []want{
			{x64, 451, false}, {x86, 10000, true}, {arm, 441, false},
		}},
	} {
		insns := append(tooNew(c.limits), filter()...)
		for _, w := range c.want {
			want := uint32(allow)
			if !w.fits {
				want = enosys
			}
			if got := answer(t, insns, call{machine: w.machine, nr: w.nr}); got != want {
				t.Errorf("%s: machine %#x number %#x: %#x, want %#x", name, w.machine, w.nr, got, want)
			}
		}
	}
}

// Every architecture at once still is in the reach of a jump.
func TestTooNewForAll(t *testing.T) {
	var limits []limit
	for m := range uint32(24) {
		limits = append(limits, limit{0x40000000 | m, 400})
	}
	limits = append(limits, limit{unix.AUDIT_ARCH_X86_64, 400}, limit{unix.AUDIT_ARCH_X86_64, x32Bit | 400}, limit{unix.AUDIT_ARCH_ARM, 400})
	insns := append(tooNew(limits), filter()...)
	for _, l := range limits {
		if got := answer(t, insns, call{machine: l.machine, nr: uint32(l.highest)}); got != allow {
			t.Errorf("%#x: %#x", l.machine, got)
		}
		if got := answer(t, insns, call{machine: l.machine, nr: uint32(l.highest) + 1}); got != enosys {
			t.Errorf("%#x: %#x", l.machine, got)
		}
	}
}
