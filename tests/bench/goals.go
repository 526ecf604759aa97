package main

import "fmt"

// goal is one line of the goals' table.
type goal struct {
	name, wanted, measured string
	floor                  string // where the kernel alone stands: a goal beyond it cannot be met on this machine
	verdict                string
}

const (
	met     = "met"
	missed  = "missed"
	unknown = "not measured"
)

// peakGoal is in KiB.
const peakGoal = 4 << 10

// ratioGoal: roost takes at most limit times as long as other.
type ratioGoal struct {
	operation, other string
	limit            float64
}

func ratioGoals() []ratioGoal {
	return []ratioGoal{
		{"run", "crun", 0.38},
		{"run", "floor", 1.7},
		{"full", "crun", 0.17},
		{"full", "floor", 1.5},
		{"exec", "crun", 0.35},
		{"state", "crun", 0.5},
		{"list", "crun", 0.5},
		{"lifecycle", "crun", 0.35},
	}
}

// judge compares with the goals for crun 1.8.1 and the plain bundle.
func judge(r results, left map[string]float64) (goals []goal) {
	for _, g := range ratioGoals() {
		goals = append(goals, g.judge(r))
	}
	return append(goals, judgeRate(r), judgePeak(r), judgeLeft(left))
}

// judge asks for both, median and 10th percentile: the first alone may be luck, the second alone hides a long tail.
// Who failed on the way has met nothing.
func (g ratioGoal) judge(r results) goal {
	other := r.of(g.operation, g.other).summary()
	q := r.of(g.operation, "roost").summary().over(other)
	line := goal{name: g.operation, wanted: fmt.Sprintf("≤ %.2g × %s", g.limit, g.other), verdict: unknown}
	line.floor = one(r.of(g.operation, "floor").summary().over(other).half)
	if q.known() {
		line.measured = q.String()
		line.verdict = verdict(q.half <= g.limit && q.p10 <= g.limit && r.of(g.operation, "roost").failure == "")
	}
	return line
}

func judgeRate(r results) goal {
	crun := r.of("par8", "crun").summary()
	line := goal{name: "containers/s, 8 at a time", wanted: "≥ 5 × crun", verdict: unknown}
	line.floor = one(crun.over(r.of("par8", "floor").summary()).half)
	if q := crun.over(r.of("par8", "roost").summary()); q.known() {
		line.measured = q.String()
		line.verdict = verdict(q.half >= 5 && q.p10 >= 5 && r.of("par8", "roost").failure == "")
	}
	return line
}

// judgePeak looks at all of roost's operations but multi, where the largest process may be newuidmap.
func judgePeak(r results) goal {
	line := goal{name: "peak RSS", wanted: "≤ 4 MiB", floor: "–", verdict: unknown}
	var worst int64
	var where string
	for _, name := range operationNames() {
		if peak := r.of(name, "roost").summary().peak; peak > worst && name != "multi" {
			worst, where = peak, name
		}
	}
	if worst > 0 {
		line.measured = fmt.Sprintf("%.1f MiB (%s)", float64(worst)/1024, where)
		line.verdict = verdict(worst <= peakGoal)
	}
	return line
}

func judgeLeft(left map[string]float64) goal {
	line := goal{name: "processes left per detached container", wanted: "0", floor: "–", verdict: unknown}
	if n, there := left["roost"]; there {
		line.measured = fmt.Sprintf("%.2g", n)
		line.verdict = verdict(n == 0)
	}
	return line
}

func verdict(good bool) string {
	if good {
		return met
	}
	return missed
}
