//go:build cgo

package main

import (
	"fmt"
	"math/rand/v2"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/seccomp"
	"github.com/roost-run/roost/internal/spec"
)

// long is what libseccomp makes of a section.
func long(t testing.TB, section []byte) []unix.SockFilter {
	t.Helper()
	p, bad := read(section)
	if len(bad) > 0 {
		t.Fatal(bad)
	}
	insns, bad, err := p.translate()
	if err != nil || len(bad) > 0 {
		t.Fatal(bad, err)
	}
	return insns
}

// alike tries every number up to 1200, and some that are large, on all machines, each with a few sets of arguments, half of them
// made of words that the filter itself has.
func alike(t testing.TB, a, b []unix.SockFilter, random *rand.Rand) {
	t.Helper()
	pick := func() uint64 {
		if random.IntN(2) == 0 {
			return uint64(a[random.IntN(len(a))].K)
		}
		return uint64(random.Uint32() >> random.IntN(32))
	}
	numbers := []uint32{0xffffffff, 0xfffffffe, 0x7fffffff, 0x80000000, x32Bit - 1, armPrivate - 1, armPrivate, armPrivate + 2}
	for n := range uint32(1200) {
		numbers = append(numbers, n, n|x32Bit)
	}
	for _, machine := range []uint32{x64, x86, unix.AUDIT_ARCH_AARCH64, unix.AUDIT_ARCH_ARM, unix.AUDIT_ARCH_S390X, 0} {
		for _, n := range numbers {
			for range 2 {
				c := call{machine: machine, nr: n}
				for i := range c.args {
					c.args[i] = pick()<<(32*random.IntN(2)) | pick()
				}
				if x, y := answer(t, a, c), answer(t, b, c); x != y {
					t.Fatalf("%+v: %#x became %#x", c, x, y)
				}
			}
		}
	}
}

func TestShrinkShipped(t *testing.T) {
	raw, _ := shipped(t)
	a := long(t, raw)
	b := shrink(a)
	if len(b) > len(a)*2/3 {
		t.Errorf("%d instructions became %d", len(a), len(b))
	}
	alike(t, a, b, rand.New(rand.NewPCG(3, 4)))
}

// TestShrinkAny: profiles that nobody wrote.
func TestShrinkAny(t *testing.T) {
	_, s := shipped(t)
	var names []string
	for _, r := range s.Syscalls {
		names = append(names, r.Names...)
	}
	actions := []specs.LinuxSeccompAction{specs.ActAllow, specs.ActErrno, specs.ActKillProcess, specs.ActTrap, specs.ActLog, specs.ActTrace}
	archs := []specs.Arch{specs.ArchX86_64, specs.ArchX86, specs.ArchX32, specs.ArchAARCH64, specs.ArchARM}
	random := rand.New(rand.NewPCG(5, 6))
	tried := 0
	for range 20 {
		p := &specs.LinuxSeccomp{DefaultAction: actions[random.IntN(len(actions))]}
		for _, a := range archs {
			if random.IntN(2) == 0 {
				p.Architectures = append(p.Architectures, a)
			}
		}
		for range 1 + random.IntN(6) {
			r := specs.LinuxSyscall{Action: actions[random.IntN(len(actions))]}
			for range 1 + random.IntN(80) {
				r.Names = append(r.Names, names[random.IntN(len(names))])
			}
			for range random.IntN(3) {
				r.Args = append(r.Args, specs.LinuxSeccompArg{
					Index: uint(random.IntN(6)), Value: random.Uint64() >> random.IntN(64), ValueTwo: random.Uint64() >> random.IntN(64),
					Op: specs.LinuxSeccompOperator(seccomp.Operators()[random.IntN(7)]),
				})
			}
			p.Syscalls = append(p.Syscalls, r)
		}
		section := spec.EncodeSeccomp(p)
		checked, bad := read(section)
		if len(bad) > 0 {
			t.Fatal(bad)
		}
		a, bad, err := checked.translate()
		if err != nil {
			t.Fatal(err)
		}
		if len(bad) > 0 {
			continue // the same condition twice
		}
		plan, err := understand(a)
		if err != nil {
			t.Errorf("%s: %v", section, err)
			continue
		}
		b := plan.build(a) // smaller or not: names without an order are no ranges
		if !plan.agrees(a, b) {
			t.Errorf("%s: not the same", section)
		}
		alike(t, a, b, random)
		tried++
	}
	if tried < 10 {
		t.Errorf("only %d were tried", tried)
	}
}

// TestShrinkGivesUp: what is not understood stays as it is.
func TestShrinkGivesUp(t *testing.T) {
	pad := func(p ...unix.SockFilter) []unix.SockFilter { // with something that could be smaller
		for range 20 {
			p = append(p, unix.SockFilter{Code: opEqual, K: 5}, unix.SockFilter{Code: opEqual, K: 6})
		}
		return append(p, unix.SockFilter{Code: opReturn, K: allow})
	}
	for name, p := range map[string][]unix.SockFilter{
		"arithmetic on a number":        pad(unix.SockFilter{Code: opLoad, K: dataNr}, unix.SockFilter{Code: opAnd, K: 0xff}),
		"a comparison of nothing":       pad(unix.SockFilter{Code: opEqual, K: 1}),
		"an order of architectures":     pad(unix.SockFilter{Code: opLoad, K: dataArch}, unix.SockFilter{Code: opGreater, K: 7}),
		"no answer":                     {{Code: opLoad, K: dataNr}},
		"a jump to nowhere":             {{Code: opJump, K: 1 << 30}},
		"memory":                        pad(unix.SockFilter{Code: opLoadMem, K: 1}),
		"instructions of another world": {{Code: 0xffff}},
	} {
		if got := shrink(p); fmt.Sprint(got) != fmt.Sprint(p) {
			t.Errorf("%s: %v", name, got)
		}
	}
	understood := pad(unix.SockFilter{Code: opLoad, K: dataNr})
	if got := shrink(understood); len(got) >= len(understood) {
		t.Errorf("%d instructions became %d", len(understood), len(got))
	}
}

// TestAgrees: a filter that is wrong in one place is found out.
func TestAgrees(t *testing.T) {
	raw, _ := shipped(t)
	old := long(t, raw)
	plan, err := understand(old)
	if err != nil {
		t.Fatal(err)
	}
	good := plan.build(old)
	if !plan.agrees(old, good) {
		t.Fatal("the new one is wrong")
	}
	missed := 0
	for i := range good {
		bad := append([]unix.SockFilter(nil), good...)
		switch bad[i].Code {
		case opReturn:
			bad[i].K ^= 1
		case opEqual, opGreater, opNotBelow:
			bad[i].K++
		default:
			continue
		}
		if plan.agrees(old, bad) {
			missed++
			t.Logf("nobody noticed a change of %d: %+v", i, good[i])
		}
	}
	if missed > len(good)/50 { // what no call gets to is not seen
		t.Errorf("%d of %d changes were not noticed", missed, len(good))
	}
}

// TestLargeTree: every other number has another answer, so that jumps become long.
func TestLargeTree(t *testing.T) {
	p := []unix.SockFilter{{Code: opLoad, K: dataNr}}
	for n := range uint32(1500) {
		p = append(p, unix.SockFilter{Code: opEqual, K: 2 * n, Jf: 1}, unix.SockFilter{Code: opReturn, K: allow})
	}
	p = append(p, unix.SockFilter{Code: opReturn, K: trap})
	plan, err := understand(p)
	if err != nil {
		t.Fatal(err)
	}
	if q := plan.build(p); !plan.agrees(p, q) {
		t.Errorf("%d instructions, and wrong", len(q))
	}
}
