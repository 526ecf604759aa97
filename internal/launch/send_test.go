package launch

import (
	"encoding/binary"
	"errors"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// streamPair are two ends of a socket; ours does not block the runtime's threads.
func streamPair(t *testing.T) (ours, theirs *os.File) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs = os.NewFile(uintptr(fds[0]), "ours"), os.NewFile(uintptr(fds[1]), "theirs")
	t.Cleanup(func() { ours.Close(); theirs.Close() })
	return ours, theirs
}

// TestSendFile: a descriptor that only the child has, and a text that only the parent had, at a sync point.
func TestSendFile(t *testing.T) {
	for _, text := range []string{"x", strings.Repeat("0123456789", 12000)} { // more than the socket's buffer may hold
		const room = 128 << 10
		ours, theirs := streamPair(t)
		p := compile(t, 0, func(b *Builder) {
			message := b.Space(8 + room)
			fd := b.Slot()
			b.Sync("text", 0, nil, message, 8+room, func(*Child, []*os.File) ([]byte, error) {
				return append(binary.NativeEndian.AppendUint64(nil, uint64(len(text))), text...), nil
			})
			b.Call("open", unix.SYS_OPENAT, Const(unix.AT_FDCWD), b.String("/dev/null"), Const(unix.O_RDONLY)).Out(fd)
			b.SendFile("send", Const(5), fd.Arg(), message, room)
			b.Stop(0)
		})
		got := make(chan string, 1)
		go func() {
			first, control := make([]byte, 1), make([]byte, 64)
			n, nc, _, _, err := unix.Recvmsg(int(ours.Fd()), first, control, unix.MSG_CMSG_CLOEXEC)
			if err != nil || n != 1 {
				got <- "recvmsg: " + errString(err)
				return
			}
			messages, _ := unix.ParseSocketControlMessage(control[:nc])
			fds, _ := unix.ParseUnixRights(&messages[0])
			name, _ := os.Readlink("/proc/self/fd/" + number10(fds[0]))
			unix.Close(fds[0])
			rest, _ := io.ReadAll(ours)
			got <- name + " " + string(first) + string(rest)
		}()
		finish(t, p, File{theirs, 5, false})
		theirs.Close()
		if g := <-got; g != "/dev/null "+text {
			t.Errorf("%.100q (%d bytes), not /dev/null and %d bytes", g, len(g), len(text))
		}
	}
}

func errString(err error) string {
	if err == nil {
		return "too short"
	}
	return err.Error()
}

func TestSendFileFails(t *testing.T) {
	program := func(length uint64) *Program {
		return compile(t, 0, func(b *Builder) {
			b.SendFile("send", Const(5), Const(5), b.Words(length, 0), 8)
			b.Stop(0)
		})
	}
	for _, length := range []uint64{0, 9, 1 << 63} {
		_, theirs := streamPair(t)
		if _, err := start(t, program(length), File{theirs, 5, false}); !errors.Is(err, syscall.EMSGSIZE) {
			t.Errorf("length %d: %v", length, err)
		}
	}
	ours, theirs := streamPair(t)
	ours.Close()
	if _, err := start(t, program(8), File{theirs, 5, false}); !errors.Is(err, syscall.EPIPE) {
		t.Error("nobody there:", err)
	}
	if _, err := start(t, program(8), File{open(t, "/dev/null", os.O_RDWR), 5, false}); !errors.Is(err, syscall.ENOTSOCK) {
		t.Error("no socket:", err)
	}
}
