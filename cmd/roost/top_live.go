package main

import (
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/roost-run/roost/internal/terminal"
	"github.com/roost-run/roost/internal/top"
)

// What a terminal does: ctlseqs of xterm, and DEC's before it.
const (
	enterScreen = "\x1b[?1049h\x1b[?25l" // a screen of its own, without a cursor
	leaveScreen = "\x1b[?25h\x1b[?1049l"
	home        = "\x1b[H"
	clearLine   = "\x1b[K"
	clearBelow  = "\x1b[J"
)

// screen is the terminal as long as it is ours: neither after the end nor while we are suspended. Signals and the table write to it from different
// goroutines.
type screen struct {
	mu   sync.Mutex
	file *os.File
	ours bool
}

func (s *screen) enter() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ours && terminal.Foreground(s.file) {
		s.ours = true
		_, _ = s.file.WriteString(enterScreen)
	}
}

func (s *screen) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ours {
		s.ours = false
		_, _ = s.file.WriteString(leaveScreen) // where it hung up there is nothing to give back
	}
}

// draw writes a frame at once: in pieces it would be seen to come.
func (s *screen) draw(frame []string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ours {
		return nil
	}
	// No newline after the last line: it would scroll the first away.
	_, err := s.file.WriteString(home + strings.Join(frame, clearLine+"\r\n") + clearLine + clearBelow)
	return err
}

// live is the table that changes. Whatever ends it, the terminal is as it was before: the modes by Stop, the screen by leave, before that.
func live(w *watcher, interval time.Duration) (status int, err error) {
	s := &screen{file: w.app.stdout}
	defer w.complain()
	signals := terminal.Catch()
	defer signals.Stop()
	defer s.leave()
	signals.Ready()
	keys := make(chan top.Key)
	if terminal.IsTerminal(w.app.stdin) {
		if err := signals.Raw(w.app.stdin); err != nil {
			return 0, err
		}
		go typed(w.app.stdin, keys)
	}
	ended, changed := make(chan syscall.Signal, 1), make(chan struct{}, 1)
	change := func() {
		select {
		case changed <- struct{}{}:
		default: // one is enough
		}
	}
	s.enter()
	signals.Forward(func(sig syscall.Signal) error {
		switch sig {
		case syscall.SIGTSTP:
			s.leave()
		case syscall.SIGCONT:
			s.enter()
			change()
		case syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT:
			select {
			case ended <- sig:
			default:
			}
		}
		return nil
	}, change)
	t := &table{watcher: w, screen: s, view: top.View{Order: w.order, Interval: interval, Glyphs: glyphs()}}
	return t.loop(keys, ended, changed)
}

func glyphs() top.Glyphs {
	return top.GlyphsFor(os.Getenv("LC_ALL"), os.Getenv("LC_CTYPE"), os.Getenv("LANG"))
}

// typed reads keys. The channel is closed when nobody can type any more; when the program ends it is left where it is.
func typed(f *os.File, keys chan<- top.Key) {
	defer close(keys)
	buf := make([]byte, 256)
	var left []byte
	for {
		n, err := f.Read(buf)
		if err != nil {
			return
		}
		var found []top.Key
		found, left = top.Keys(append(left, buf[:n]...))
		for _, k := range found {
			keys <- k
		}
	}
}
