package cgroupv2

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/sys"
)

// run interprets the program, as far as these programs go, for a device and an access.
func run(t *testing.T, p []sys.BPFInsn, kind, major, minor int64, access Access) bool {
	t.Helper()
	var reg [7]int64
	context := map[int16]int64{0: int64(access)<<16 | kind, 4: major, 8: minor}
	for i := 0; i < len(p); i++ {
		in := p[i]
		dst, src := in.Regs&15, in.Regs>>4
		if sys.BPFRegs(1, 0) != 1 {
			dst, src = src, dst
		}
		jump := false
		switch in.Code {
		case unix.BPF_LDX | unix.BPF_MEM | unix.BPF_W:
			reg[dst] = context[in.Off]
		case unix.BPF_ALU | unix.BPF_AND | unix.BPF_K:
			reg[dst] &= int64(in.Imm)
		case unix.BPF_ALU | unix.BPF_RSH | unix.BPF_K:
			reg[dst] >>= in.Imm
		case unix.BPF_ALU | unix.BPF_MOV | unix.BPF_X:
			reg[dst] = reg[src]
		case unix.BPF_ALU64 | unix.BPF_MOV | unix.BPF_K:
			reg[dst] = int64(in.Imm)
		case unix.BPF_JMP | unix.BPF_JNE | unix.BPF_K:
			jump = reg[dst] != int64(in.Imm)
		case unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K:
			jump = reg[dst] == int64(in.Imm)
		case unix.BPF_JMP | unix.BPF_EXIT:
			return reg[0] == 1
		default:
			t.Fatalf("instruction %d: %#x", i, in.Code)
		}
		if jump {
			i += int(in.Off)
		}
	}
	t.Fatal("no end")
	return false
}

// decide is what the rules mean, said in another way.
func decide(rules []Rule, kind, major, minor int64, access Access) bool {
	for _, bit := range []Access{Mknod, Read, Write} {
		if access&bit == 0 {
			continue
		}
		allowed := false
		for _, r := range rules {
			if (r.Type == 'a' || r.Type == 'b' && kind == 1 || r.Type == 'c' && kind == 2) &&
				(r.Major == Any || r.Major == major) && (r.Minor == Any || r.Minor == minor) && r.Access&bit != 0 {
				allowed = r.Allow
			}
		}
		if !allowed {
			return false
		}
	}
	return true
}

func TestProgramMeansWhatTheRulesMean(t *testing.T) {
	sets := map[string][]Rule{
		"none":        nil,
		"defaults":    Rules(nil),
		"all":         {{true, 'a', Any, Any, all}},
		"all but one": {{true, 'a', Any, Any, all}, {false, 'b', 8, 0, Write}},
		"in pieces":   {{true, 'c', 10, 200, Read}, {true, 'c', 10, 200, Write}, {false, 'c', 10, Any, Mknod}},
		"turned over": {{true, 'c', 1, 3, all}, {false, 'a', Any, Any, all}, {true, 'c', Any, 3, Read}},
		"later deny":  {{true, 'b', Any, Any, all}, {false, 'b', 8, Any, Read | Write}, {true, 'b', 8, 1, Read}},
	}
	for name, rules := range sets {
		p := program(rules)
		for _, kind := range []int64{1, 2} {
			for _, major := range []int64{1, 5, 8, 10, 136} {
				for _, minor := range []int64{0, 1, 2, 3, 9, 200} {
					for access := Access(1); access <= all; access++ {
						if got, want := run(t, p, kind, major, minor, access), decide(rules, kind, major, minor, access); got != want {
							t.Fatalf("%s: kind %d %d:%d access %d: %v, want %v", name, kind, major, minor, access, got, want)
						}
					}
				}
			}
		}
	}
}
