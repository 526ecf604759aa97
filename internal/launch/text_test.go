package launch

import (
	"math"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

func TestDecimal(t *testing.T) {
	var room [decimalSize + 1]byte
	for _, v := range []uintptr{0, 1, 9, 10, 99, 100, 12345, 4194304, math.MaxInt32, math.MaxUint32, ^uintptr(0)} {
		for i := range room {
			room[i] = 'x'
		}
		decimal(unsafe.Pointer(&room), v)
		want := strconv.FormatUint(uint64(v), 10)
		if got := string(room[:len(want)+1]); got != want+"\x00" || room[len(want)+1] != 'x' {
			t.Errorf("%d: %q", v, room)
		}
	}
}

// TestDecimalInProgram: the child's own pid, as text after a text that is there already.
func TestDecimalInProgram(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pid")
	p := compile(t, 0, func(b *Builder) {
		pid, fd := b.Slot(), b.Slot()
		b.Call("getpid", unix.SYS_GETPID).Out(pid)
		text := b.Decimal("pid as text", "PID=", pid.Arg())
		b.Call("open", unix.SYS_OPENAT, Const(unix.AT_FDCWD), b.String(file), Const(unix.O_CREAT|unix.O_WRONLY), Const(0o600)).Out(fd)
		b.Call("write", unix.SYS_WRITE, fd.Arg(), text, Const(len("PID=")+decimalSize))
		b.Stop(0)
	})
	c, err := start(t, p)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(file)
	if want := "PID=" + strconv.Itoa(c.Pid()); err != nil || string(got[:len(want)+1]) != want+"\x00" {
		t.Errorf("%q, not %q: %v", got, want, err)
	}
}
