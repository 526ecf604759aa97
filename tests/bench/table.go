package main

import (
	"fmt"
	"io"
	"math"
	"strings"
	"time"
)

// report is all that is printed, written and drawn.
type report struct {
	machine    machine
	rounds     int
	contenders []contender
	operations []operation
	results    results
	goals      []goal
	notes      []string
	left       map[string]float64
	partial    bool // some operations or contenders were not asked for
}

func (b *run) report() report {
	return report{
		machine: b.machine, rounds: b.opts.rounds, contenders: b.contenders, operations: b.operations(),
		results: b.results, goals: judge(b.results, b.left), notes: b.notes, left: b.left,
		partial: len(b.opts.only) > 0 || len(b.opts.versus) > 0,
	}
}

// table is a header and rows of cells, the same for the terminal and for Markdown.
type table struct {
	header []string
	rows   [][]string
}

func (r report) timings() table {
	t := table{header: []string{"operation", "who", "n", "min", "p10", "median", "CPU", "RSS", "÷ crun (p10)", "÷ floor (p10)"}}
	for _, op := range r.operations {
		if op.throughput() {
			continue
		}
		crun, floor := r.results.of(op.name, "crun").summary(), r.results.of(op.name, "floor").summary()
		for _, c := range r.contenders {
			s := r.results.of(op.name, c.name).summary()
			if s.count == 0 {
				continue
			}
			t.rows = append(t.rows, []string{op.title, c.name, fmt.Sprint(s.count), millis(s.least), millis(s.p10), millis(s.half),
				millis(s.cpu), fmt.Sprintf("%.1f", float64(s.peak)/1024), s.over(crun).String(), s.over(floor).String()})
		}
		if op.name == "full" && r.results[op.name] == nil {
			t.rows = append(t.rows, []string{op.title, "not yet", "", "", "", "", "", "", "", ""})
		}
	}
	return t
}

func (r report) rates() table {
	t := table{header: []string{"containers a second", "who", "n", "median", "best", "× crun", "× floor"}}
	for _, op := range r.operations {
		if !op.throughput() {
			continue
		}
		crun, floor := r.results.of(op.name, "crun").summary(), r.results.of(op.name, "floor").summary()
		for _, c := range r.contenders {
			s := r.results.of(op.name, c.name).summary()
			if s.count == 0 {
				continue
			}
			t.rows = append(t.rows, []string{op.title, c.name, fmt.Sprint(s.count), fmt.Sprintf("%.0f", perSecond(op.turns, s.half)),
				fmt.Sprintf("%.0f", perSecond(op.turns, s.least)), one(crun.over(s).half), one(floor.over(s).half)})
		}
	}
	return t
}

func (r report) verdicts() table {
	t := table{header: []string{"goal", "wanted", "median (p10)", "floor", "verdict"}}
	for _, g := range r.goals {
		if g.verdict == unknown && r.partial {
			continue
		}
		t.rows = append(t.rows, []string{g.name, g.wanted, g.measured, g.floor, g.verdict})
	}
	return t
}

// remarks are the failures and notes, and who leaves processes behind.
func (r report) remarks() (lines []string) {
	lines = append(lines, r.notes...)
	for _, op := range r.operations {
		for _, c := range r.contenders {
			if s := r.results.of(op.name, c.name); s != nil && s.failure != "" {
				lines = append(lines, fmt.Sprintf("%s: %s: %s", op.title, c.name, s.failure))
			}
		}
	}
	for _, c := range r.contenders {
		if n := r.left[c.name]; n > 0 {
			lines = append(lines, fmt.Sprintf("%s: leaves %.2g processes besides the payload for each detached container", c.name, n))
		}
	}
	return lines
}

func millis(d time.Duration) string { return fmt.Sprintf("%.2f", float64(d)/float64(time.Millisecond)) }

func one(f float64) string {
	if math.IsNaN(f) {
		return "–"
	}
	return fmt.Sprintf("%.2f", f)
}

func (r ratio) String() string {
	if !r.known() {
		return "–"
	}
	return fmt.Sprintf("%.2f (%.2f)", r.half, r.p10)
}

// writeTable prints for a terminal.
func writeTable(out io.Writer, r report) {
	fmt.Fprintf(out, "%s, %d rounds; ms, MiB\n", r.machine, r.rounds)
	for _, c := range r.contenders {
		fmt.Fprintf(out, "  %s %s\n", c.name, c.version)
	}
	for _, t := range []table{r.timings(), r.rates(), r.verdicts()} {
		if len(t.rows) > 0 {
			fmt.Fprintln(out)
			t.align(out)
		}
	}
	for i, line := range r.remarks() {
		if i == 0 {
			fmt.Fprintln(out)
		}
		fmt.Fprintln(out, "note:", line)
	}
}

// align sets a repeated first cell blank, so that the groups stand out.
func (t table) align(out io.Writer) {
	width := make([]int, len(t.header))
	for _, row := range append([][]string{t.header}, t.rows...) {
		for i, cell := range row {
			width[i] = max(width[i], len([]rune(cell)))
		}
	}
	last := ""
	for _, row := range append([][]string{t.header}, t.rows...) {
		var line strings.Builder
		for i, cell := range row {
			if i == 0 && cell == last {
				cell = ""
			}
			pad := strings.Repeat(" ", width[i]-len([]rune(cell)))
			if i < 2 {
				line.WriteString(cell + pad + "  ")
			} else {
				line.WriteString(pad + cell + "  ")
			}
		}
		last = row[0]
		fmt.Fprintln(out, strings.TrimRight(line.String(), " "))
	}
}
