package launch

import (
	"bytes"
	"errors"
	"flag"
	"os"
	goruntime "runtime"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

var update = flag.Bool("update", false, "write the golden files")

func TestBuilderMistakes(t *testing.T) {
	for _, c := range []struct {
		name  string
		build func(b *Builder)
		want  string
	}{
		{"NUL in a string", func(b *Builder) { b.String("a\x00b") }, `"a\x00b": a NUL byte in a string`},
		{"NUL in a path", func(b *Builder) { b.MkdirAll("make", Const(0), "a\x00b", 0) }, "a NUL byte in a string"},
		{"NUL in a path to find", func(b *Builder) { b.Find("find", []string{"/bin/sh", "/bin\x00"}) }, "a NUL byte in a string"},
		{"label without a place", func(b *Builder) { b.Jump(b.Label()) }, "step 0 () jumps to a label without a place"},
		{"rule without a place", func(b *Builder) { b.Stop(0); b.Call("close it", 0).On(b.Label()) }, "step 1 (close it) jumps to a label without a place"},
		{"too many rules", func(b *Builder) { b.Call("x", 0).Ignore(1, 2, 3, 4, 5, 6, 7) }, "step 0: more than 6 rules"},
		{"too many rules for a fork", func(b *Builder) { b.Spawn("x", 0, b.Slot(), b.Here()).Ignore(1, 2, 3, 4, 5, 6) }, "step 0: more than 6 rules"},
		{"too many arguments", func(b *Builder) { b.Call("x", 0, make([]Arg, 7)...) }, "x: more than 6 arguments"},
		{"too many descriptors", func(b *Builder) { b.Sync("x", 0, make([]Slot, MaxFiles+1), Arg{}, 0, nil) }, "x: more than 4 descriptors"},
		{"two forks that count", func(b *Builder) { b.Fork("a", 0); b.Fork("b", 0) }, "b: more than one fork that counts"},
		{"all at once", func(b *Builder) { b.String("\x00"); b.Jump(b.Label()) }, "NUL byte in a string\nstep 0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := &Builder{StatusFD: 3}
			c.build(b)
			p, err := b.Program()
			if p != nil || err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, not %q", err, c.want)
			}
		})
	}
}

// everything has every kind of step once.
func everything(b *Builder) {
	fd, status := b.Slot(), b.Slot()
	out, parent := b.Label(), b.Label()
	b.Call("open rootfs", unix.SYS_OPENAT, Const(unix.AT_FDCWD), b.String("/srv/rootfs"), Const(unix.O_PATH|unix.O_CLOEXEC)).
		Out(fd).Path("/srv/rootfs").Remedy("unpack an image first")
	b.Call("hide the rest", unix.SYS_UMOUNT2, b.String("."), Const(unix.MNT_DETACH)).Ignore(syscall.EINVAL)
	b.MkdirAll("make /run/lock", fd.Arg(), "run/lock", 0o755)
	b.Target("make /etc/hosts", fd.Arg(), "etc/hosts", fd.Arg())
	b.Create("make /dev/console", fd.Arg(), "dev/console")
	b.Verify("is it null", fd.Arg(), IsCharDevice, Device(1, 3))
	b.WriteAll("write setgroups", fd.Arg(), []byte("deny"))
	b.Find("find sh", []string{"/usr/bin/sh", "/bin/sh"})
	words := b.Words(1, ^uint64(0))
	b.Call("block signals", unix.SYS_RT_SIGPROCMASK, Const(0), words.Offset(8), Const(0), Const(8))
	reply := b.Scratch(32)
	b.Fill(reply, []byte("until the reply"))
	b.Sync("map ids", time.Second, []Slot{fd}, reply, 32, nil)
	b.Fork("join", unix.CLONE_PARENT)
	b.Spawn("run hook", 0, status, parent).On(out, syscall.EAGAIN)
	b.Place(parent)
	b.Wait("await hook", status.Arg(), time.Second).Out(status)
	b.ReportTo(fd.Arg())
	b.ExecNext()
	b.Call("execute sh", unix.SYS_EXECVE, b.String("/bin/sh"), b.Pointers([]Arg{b.String("sh"), b.String("-l")}), b.Pointers([]Arg{reply}))
	b.Jump(out)
	b.Reap("be pid 1", status.Arg())
	b.Place(out)
	b.Call("something new", 9999)
	b.Stop(1)
}

func TestStepsGolden(t *testing.T) {
	var text strings.Builder
	for _, s := range compile(t, unix.CLONE_NEWUSER, everything).Steps {
		text.WriteString(strings.Join([]string{s.Label, s.Call, s.Path, s.Remedy}, " | ") + "\n")
	}
	const golden = "testdata/steps.golden"
	if goruntime.GOARCH != "amd64" {
		t.Skip("flags, sizes and so offsets are those of amd64")
	}
	if *update {
		if err := os.WriteFile(golden, []byte(text.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if text.String() != string(want) {
		t.Errorf("steps read differently (-update writes them):\n%s", text.String())
	}
}

// TestArenaIsDeterministic: the same input gives the same bytes, a launch does not change them, and no address is in them.
func TestArenaIsDeterministic(t *testing.T) {
	a := compile(t, 0, everything).Arena()
	for range 20 {
		if !bytes.Equal(a, compile(t, 0, everything).Arena()) {
			t.Fatal("the same input gave other bytes")
		}
	}
	p := compile(t, 0, func(b *Builder) { execute(b, "/bin/true") })
	before := p.Arena()
	for range 3 {
		if ws := finish(t, p); ws.ExitStatus() != 0 {
			t.Fatal(ws)
		}
	}
	if !bytes.Equal(before, p.Arena()) {
		t.Error("a launch changed its program")
	}
	if p.Size() != len(before) {
		t.Errorf("size %d, %d bytes", p.Size(), len(before))
	}
	p.Arena()[0] ^= 0xff
	if !bytes.Equal(before, p.Arena()) {
		t.Error("the copy is no copy")
	}
}

// TestEqualDataIsShared, and scratch space never is.
func TestEqualDataIsShared(t *testing.T) {
	var b Builder
	first, words := b.String("x"), b.Words(1, 2)
	if first != b.String("x") || words.v != b.Words(1, 2).v {
		t.Error("equal constants have two places")
	}
	if s, u := b.Scratch(8), b.Scratch(8); s.v == u.v || s.v%8 != 0 || u.v%8 != 0 {
		t.Error("scratch space is shared, or not aligned", s, u)
	}
}

// TestPointers: structures with pointers are relocated, in each child for itself.
func TestPointers(t *testing.T) {
	p := compile(t, 0, func(b *Builder) {
		const word = int(unsafe.Sizeof(uintptr(0)))
		iov := b.Scratch(4 * word) // two struct iovec
		for i, s := range []string{"hello, ", "world"} {
			b.SetPointer(iov.Offset(2*word*i), b.String(s))
			length := uintptr(len(s))
			b.Fill(iov.Offset(2*word*i+word), unsafe.Slice((*byte)(unsafe.Pointer(&length)), word))
		}
		b.Call("write", unix.SYS_WRITEV, Const(1), iov, Const(2))
		b.Stop(0)
	})
	for range 2 {
		if text, _ := output(t, p); text != "hello, world" {
			t.Errorf("%q", text)
		}
	}
}

// TestBare: what nobody reads is left out, and the child gets the same bytes. A failed step finds its words in a program that
// was built again.
func TestBare(t *testing.T) {
	bare := compile(t, 0, func(b *Builder) { b.Bare = true; everything(b) })
	full := compile(t, 0, everything)
	if !bytes.Equal(bare.Arena(), full.Arena()) {
		t.Error("the arena is another one")
	}
	if len(bare.Steps) != 0 {
		t.Errorf("%d steps described", len(bare.Steps))
	}
	failing := func(b *Builder) { b.Call("open it", unix.SYS_FCHDIR, Const(-1)).Path("/it").Remedy("do not") }
	_, err := start(t, compile(t, 0, func(b *Builder) { b.Bare = true; failing(b) }))
	var e *Error
	if !errors.As(err, &e) || e.Errno != syscall.EBADF || e.Index != 0 || e.Label == "" {
		t.Fatalf("%#v", err)
	}
	e.Describe(compile(t, 0, failing))
	if want := "open it /it: bad file descriptor; do not"; e.Error() != want || e.Path != "/it" {
		t.Errorf("%q, not %q", e.Error(), want)
	}
}
