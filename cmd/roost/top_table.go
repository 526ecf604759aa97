package main

import (
	"os"
	"syscall"
	"time"

	"github.com/roost-run/roost/internal/terminal"
	"github.com/roost-run/roost/internal/top"
)

// table is what is on the screen.
type table struct {
	watcher *watcher
	screen  *screen
	view    top.View
	rows    []top.Row
}

// loop looks and draws until a key or a signal ends it, which then is the status as if it had killed us.
func (t *table) loop(keys <-chan top.Key, ended <-chan syscall.Signal, changed <-chan struct{}) (int, error) {
	typing := keys
	next := time.NewTimer(0)
	defer next.Stop()
	for looks := 0; ; {
		select {
		case sig := <-ended:
			return 128 + int(sig), nil
		case <-next.C:
			var err error
			if t.rows, err = t.watcher.look(); err != nil {
				return 0, err
			}
			pause := t.view.Interval
			if looks == 0 {
				pause = min(first, pause)
			}
			looks++
			next.Reset(pause)
		case <-changed:
		case k, typed := <-typing:
			if !typed || k == top.Quit { // a terminal that hung up has nobody to see this
				return 0, nil
			}
			t.press(k)
		}
		if err := t.draw(); err != nil {
			return 0, err
		}
	}
}

func (t *table) press(k top.Key) {
	page := max(1, t.view.Rows-3)
	switch k {
	case top.Suspend:
		// The terminal is raw, so this is ours to send; it comes back as a signal like that of any other sender.
		_ = syscall.Kill(os.Getpid(), syscall.SIGTSTP)
	case top.Reorder:
		t.view.Order = top.NextOrder(t.view.Order)
		t.watcher.order = t.view.Order
		top.Sort(t.rows, t.view.Order)
	case top.Up:
		t.view.Scroll--
	case top.Down:
		t.view.Scroll++
	case top.PageUp:
		t.view.Scroll -= page
	case top.PageDown:
		t.view.Scroll += page
	}
}

func (t *table) draw() error {
	rows, columns, err := terminal.Size(t.screen.file)
	if err != nil {
		return err
	}
	t.view.Rows, t.view.Columns = int(rows), int(columns)
	if rows == 0 || columns == 0 { // never told its size
		t.view.Rows, t.view.Columns = 24, 80
	}
	return t.screen.draw(t.view.Draw(t.rows))
}
