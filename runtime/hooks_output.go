package runtime

import (
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// hookOutput reads what hooks say, all of it, so that no hook waits for us, and keeps the end of it.
type hookOutput struct {
	r, w *os.File
	end  []byte
	done chan struct{}
}

const (
	keptOutput  = 8 << 10 // of what a hook says
	shownOutput = 1 << 10 // in an error
	shownLines  = 10
	pipeRoom    = 1 << 20 // at most (/proc/sys/fs/pipe-max-size), unless root made it larger
)

func newHookOutput() (*hookOutput, error) {
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
		return nil, os.NewSyscallError("pipe2", err)
	}
	_ = unix.SetNonblock(ends[0], true) // our end alone
	o := &hookOutput{r: os.NewFile(uintptr(ends[0]), "hook's output"), w: os.NewFile(uintptr(ends[1]), "hook's output"), done: make(chan struct{})}
	return o, nil
}

// read begins, once those who write have their descriptors.
func (o *hookOutput) read() {
	o.w.Close()
	o.w = nil
	go func() {
		defer close(o.done)
		b := make([]byte, 16<<10)
		for {
			n, err := o.r.Read(b)
			o.keep(b[:n])
			if err != nil {
				return
			}
		}
	}()
}

func (o *hookOutput) keep(b []byte) {
	o.end = append(o.end, b...)
	if len(o.end) > 4*keptOutput {
		o.end = append(o.end[:0], o.end[len(o.end)-keptOutput:]...)
	}
}

// stop gives the end of what was said up to now. Whoever a hook left behind may go on writing, to nobody.
func (o *hookOutput) stop() string {
	if o.w != nil { // it never began
		o.w.Close()
		o.r.Close()
		return ""
	}
	_ = o.r.SetReadDeadline(time.Unix(1, 0))
	<-o.done
	if raw, err := o.r.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) {
			b := make([]byte, 16<<10)
			for read := 0; read < pipeRoom; {
				n, err := unix.Read(int(fd), b)
				if n <= 0 || err != nil {
					return
				}
				o.keep(b[:n])
				read += n
			}
		})
	}
	o.r.Close()
	return lastWords(o.end)
}

// lastWords are the last lines, made one, and without what would do something to a terminal.
func lastWords(b []byte) string {
	text := strings.ToValidUTF8(string(b[max(0, len(b)-keptOutput):]), "\ufffd")
	var lines []string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(strings.Map(func(r rune) rune {
			if r < ' ' || r >= 0x7f && r < 0xa0 {
				return ' '
			}
			return r
		}, line))
		if line != "" {
			lines = append(lines, line)
		}
	}
	text = strings.Join(lines[max(0, len(lines)-shownLines):], "; ")
	if cut := len(text) - shownOutput; cut > 0 {
		text = "…" + strings.ToValidUTF8(text[cut:], "")
	}
	return text
}
