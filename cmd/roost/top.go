package main

import (
	"context"
	"errors"
	"os"
	"strings"
	"time"

	"github.com/roost-run/roost/internal/fault"
	"github.com/roost-run/roost/internal/flags"
	"github.com/roost-run/roost/internal/terminal"
	"github.com/roost-run/roost/internal/top"
	"github.com/roost-run/roost/runtime"
)

// topFlags say what to show, and how.
type topFlags struct {
	interval   time.Duration
	count      int
	once, json bool
	order      string
}

func topCommand() command {
	t := topFlags{interval: 2 * time.Second, order: top.Orders()[0]}
	return command{
		Command: flags.Command{
			Name: "top", Usage: []string{"[flags]"}, Short: "show what all containers of this state root use, all the time", Group: everyday,
			Long: "Processor time in percent of one processor, memory against its limit, pressure (the share of the last ten seconds in which\n" +
				"something stood still for want of the processor, memory, or storage), and tasks. A ~ is a sum over processes, of a\n" +
				"container without a cgroup of its own. See docs/monitoring.md.\n\n" +
				"On a terminal it is a table that changes: q ends it, s sorts by something else, arrows, page up and page down scroll. Elsewhere,\n" +
				"and with --once or --count, it prints lines.",
			Flags: []flags.Flag{
				{Name: "interval", To: &t.interval, Help: "how long from one look to the next; not less than 100ms"},
				{Name: "count", Short: 'n', To: &t.count, Help: "print lines, this many times"},
				{Name: "once", To: &t.once, Help: "the same as --count=1"},
				{Name: "json", To: &t.json, Help: "print an object for each container on a line of its own"},
				{Name: "sort", To: &t.order, Words: top.Orders(), Help: "what to sort by, the largest first"},
			},
		},
		run: func(a *app, _ flags.Args) (int, error) { return t.run(a) },
	}
}

// shortest keeps a slip of the finger from making this the busiest process of the machine.
const shortest = 100 * time.Millisecond

func (t *topFlags) run(a *app) (int, error) {
	if t.interval < shortest {
		return 0, fault.New(fault.Usage, "flag --interval: %s is less than %s", t.interval, shortest)
	}
	if t.count < 0 || t.count > 0 && t.once {
		return 0, fault.New(fault.Usage, "flag --count: give a number greater than 0, or --once")
	}
	if t.once {
		t.count = 1
	}
	w := &watcher{app: a, order: t.order}
	if t.count == 0 && !t.json && os.Getenv("TERM") != "dumb" && terminal.IsTerminal(a.stdout) {
		return live(w, t.interval)
	}
	return 0, t.lines(w)
}

// first is how long the first two looks are apart: rates take two, and nobody wants to wait for them.
const first = 250 * time.Millisecond

// lines prints without a screen. Of a table of more than one round each begins with its headings.
func (t *topFlags) lines(w *watcher) error {
	if _, err := w.look(); err != nil {
		return err
	}
	time.Sleep(min(first, t.interval))
	for round := 1; ; round++ {
		rows, err := w.look()
		if err != nil {
			return err
		}
		w.complain()
		var b strings.Builder
		if !t.json {
			b.WriteString(top.Lines(rows))
		}
		for _, r := range rows {
			if t.json {
				b.WriteString(top.JSON(r))
			}
		}
		if err := w.app.print(b.String()); err != nil {
			return err
		}
		if round == t.count {
			return nil
		}
		time.Sleep(t.interval)
	}
}

// watcher looks at the state root again and again.
type watcher struct {
	app      *app
	meter    top.Meter
	order    string
	problems []error
	told     map[string]bool
}

func (w *watcher) look() ([]top.Row, error) {
	usages, err := w.usages()
	if err != nil {
		return nil, err
	}
	samples := make([]top.Sample, 0, len(usages))
	for _, u := range usages {
		s := top.Sample{
			ID: u.ID, Status: string(u.Status), At: u.At, CPU: u.CPU, Memory: u.Memory, Tasks: u.Tasks, TasksLimit: u.TasksLimit, Approximated: u.Approximated,
			Pressure: (*top.Pressure)(u.Pressure),
		}
		if u.MemoryLimit != runtime.Unlimited {
			s.MemoryLimit = u.MemoryLimit
		}
		samples = append(samples, s)
	}
	rows := w.meter.Rows(samples)
	top.Sort(rows, w.order)
	return rows, nil
}

// usages are none where there is no state root, unless somebody named it: one may come.
func (w *watcher) usages() ([]runtime.Usage, error) {
	store, err := w.app.existing()
	if errors.Is(err, os.ErrNotExist) && w.app.global.root == "" {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	usages, problems, err := store.Usages(context.Background())
	w.problems = problems
	return usages, err
}

// complain tells of each problem once.
func (w *watcher) complain() {
	for _, problem := range w.problems {
		text := printable(problem.Error())
		if w.told[text] {
			continue
		}
		if w.told == nil {
			w.told = make(map[string]bool)
		}
		w.told[text] = true
		w.app.stderr.WriteString("roost: " + text + "\n")
	}
}
