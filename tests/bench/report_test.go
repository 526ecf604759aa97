package main

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"time"
)

func seriesOf(millis ...int) *series {
	s := &series{}
	for _, ms := range millis {
		s.samples = append(s.samples, sample{wall: time.Duration(ms) * time.Millisecond, cpu: time.Millisecond, peak: 3 << 10})
	}
	return s
}

func TestSummary(t *testing.T) {
	var ascending []int
	for ms := 100; ms >= 1; ms-- {
		ascending = append(ascending, ms)
	}
	for name, tt := range map[string]struct {
		series           *series
		least, p10, half int
	}{
		"nothing":  {nil, 0, 0, 0},
		"one":      {seriesOf(7), 7, 7, 7},
		"two":      {seriesOf(9, 5), 5, 5, 5},
		"ten":      {seriesOf(10, 9, 8, 7, 6, 5, 4, 3, 2, 1), 1, 1, 5},
		"hundred":  {seriesOf(ascending...), 1, 10, 50},
		"outliers": {seriesOf(1, 1, 1, 900, 900), 1, 1, 1},
	} {
		got := tt.series.summary()
		for what, pair := range map[string][2]time.Duration{
			"min":    {got.least, time.Duration(tt.least) * time.Millisecond},
			"p10":    {got.p10, time.Duration(tt.p10) * time.Millisecond},
			"median": {got.half, time.Duration(tt.half) * time.Millisecond},
		} {
			if pair[0] != pair[1] {
				t.Errorf("%s: %s %v, want %v", name, what, pair[0], pair[1])
			}
		}
	}
}

func TestRatioOfWhatWasNotMeasured(t *testing.T) {
	if q := seriesOf(1).summary().over(summary{}); q.known() || !math.IsNaN(q.p10) || q.String() != "–" {
		t.Errorf("ratio %v, want unknown", q)
	}
}

func goalsOf(run, crun, floor int, left map[string]float64) map[string]string {
	r := results{"run": {"roost": seriesOf(run), "crun": seriesOf(crun), "floor": seriesOf(floor)},
		"par8": {"roost": seriesOf(run), "crun": seriesOf(crun)}}
	verdicts := map[string]string{}
	for _, g := range judge(r, left) {
		verdicts[g.name+" "+g.wanted] = g.verdict
	}
	return verdicts
}

func TestGoals(t *testing.T) {
	for _, tt := range []struct {
		name             string
		run, crun, floor int
		left             map[string]float64
		want             map[string]string
	}{
		{"fast", 17, 100, 10, map[string]float64{"roost": 0}, map[string]string{
			"run ≤ 0.38 × crun": met, "run ≤ 1.7 × floor": met, "containers/s, 8 at a time ≥ 5 × crun": met,
			"exec ≤ 0.35 × crun": unknown, "peak RSS ≤ 4 MiB": met, "processes left per detached container 0": met}},
		{"slow", 39, 100, 20, map[string]float64{"roost": 1, "crun": 0}, map[string]string{
			"run ≤ 0.38 × crun": missed, "run ≤ 1.7 × floor": missed, "containers/s, 8 at a time ≥ 5 × crun": missed,
			"processes left per detached container 0": missed}},
		{"nobody looked", 1, 100, 1, nil, map[string]string{"processes left per detached container 0": unknown}},
	} {
		got := goalsOf(tt.run, tt.crun, tt.floor, tt.left)
		for name, want := range tt.want {
			if got[name] != want {
				t.Errorf("%s: %s: %q, want %q", tt.name, name, got[name], want)
			}
		}
	}
}

func TestFailureMeetsNoGoal(t *testing.T) {
	r := results{"run": {"roost": seriesOf(1), "crun": seriesOf(100), "floor": seriesOf(1)}}
	r["run"]["roost"].failure = "exit status 1"
	if g := judge(r, nil)[0]; g.verdict != missed {
		t.Errorf("%+v, want missed", g)
	}
}

func sampleReport() report {
	r := results{}
	for _, op := range allOperations() {
		if op.name != "full" {
			r[op.name] = map[string]*series{"roost": seriesOf(3, 4), "crun": seriesOf(10, 11), "floor": seriesOf(2, 2)}
		}
	}
	r["exec"]["crun"].failure = "exit status 1: <script>&"
	return report{
		machine: machine{processor: "Some <CPU> & more", cores: 2, kernel: "6.18", system: "Debian", date: "2026-01-02", user: "an ordinary user"},
		rounds:  2, operations: allOperations(), results: r, goals: judge(r, nil), left: map[string]float64{"crun": 1},
		contenders: []contender{{name: "roost", version: "0.1"}, {name: "crun", version: "1.8.1"}, {name: "floor", version: "C"}},
	}
}

func TestChartIsWellFormed(t *testing.T) {
	svg := chart(sampleReport())
	decoder := xml.NewDecoder(strings.NewReader(svg))
	bars := 0
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, svg)
		}
		if start, ok := token.(xml.StartElement); ok && start.Name.Local == "rect" {
			bars++
		}
	}
	if want := len(charted()) * 3; bars != want {
		t.Errorf("%d bars, want %d", bars, want)
	}
	if !strings.Contains(svg, "prefers-color-scheme: dark") {
		t.Error("no colours for the dark scheme")
	}
}

func TestMarkdownTablesAreRectangular(t *testing.T) {
	text := markdown(sampleReport())
	columns := 0
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "|") {
			columns = 0
			continue
		}
		n := strings.Count(line, "|")
		if columns != 0 && n != columns {
			t.Errorf("%d separators after rows of %d: %s", n, columns, line)
		}
		columns = n
	}
	for _, want := range []string{"2026-01-02", "not yet", "1.8.1", "Linux 6.18", "0.30 (0.30)", "leaves 1 processes", "met"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in the text:\n%s", want, text)
		}
	}
}
