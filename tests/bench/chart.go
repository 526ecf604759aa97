package main

import (
	"fmt"
	"html"
	"slices"
	"strings"
	"time"
)

const (
	chartWidth  = 760
	barsAt      = 270 // where the bars begin; the names end a little before
	valueWidth  = 70
	barHeight   = 16
	barGap      = 4
	groupGap    = 18
	chartMargin = 16
)

// charted are the operations that a README has room for.
func charted() []string { return []string{"run", "multi", "exec", "state", "list", "lifecycle"} }

// chart is docs/bench.svg: horizontal bars of the medians, a group for each operation, each group to its own scale, since
// the lifecycle would dwarf the rest. Text takes the page's light or dark scheme; there is no background.
func chart(r report) string {
	var body strings.Builder
	y := chartMargin + 28
	for _, op := range r.operations {
		if slices.Contains(charted(), op.name) {
			y = chartGroup(&body, r, op, y)
		}
	}
	height := y + 12
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" aria-labelledby="title">`,
		chartWidth, height, chartWidth, height)
	b.WriteString("\n<title id=\"title\">Median time of each operation, by runtime; shorter is better</title>\n" + chartStyle)
	fmt.Fprintf(&b, "<text class=\"head\" x=\"%d\" y=\"%d\">median, ms; shorter is better</text>\n", chartMargin, chartMargin+8)
	b.WriteString(body.String())
	fmt.Fprintf(&b, "<text class=\"small\" x=\"%d\" y=\"%d\">%s</text>\n</svg>\n", chartMargin, height-8,
		html.EscapeString(fmt.Sprintf("%s, %d cores, Linux %s, %s", r.machine.processor, r.machine.cores, r.machine.kernel, r.machine.date)))
	return b.String()
}

// chartGroup draws one operation and returns where the next begins.
func chartGroup(b *strings.Builder, r report, op operation, y int) int {
	longest := time.Duration(0)
	for _, c := range r.contenders {
		longest = max(longest, r.results.of(op.name, c.name).summary().half)
	}
	if longest == 0 {
		return y
	}
	fmt.Fprintf(b, "<text class=\"head\" x=\"%d\" y=\"%d\">%s</text>\n", chartMargin, y+barHeight-4, html.EscapeString(op.title))
	const room = chartWidth - barsAt - valueWidth - chartMargin
	for _, c := range r.contenders {
		s := r.results.of(op.name, c.name).summary()
		if s.count == 0 {
			continue
		}
		width := max(float64(room)*float64(s.half)/float64(longest), 1)
		baseline := y + barHeight - 4
		fmt.Fprintf(b, "<text class=\"who\" x=\"%d\" y=\"%d\">%s</text>", barsAt-8, baseline, html.EscapeString(c.name))
		fmt.Fprintf(b, "<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\" rx=\"2\"/>", c.name, barsAt, y, width, barHeight)
		fmt.Fprintf(b, "<text class=\"value\" x=\"%.1f\" y=\"%d\">%s</text>\n", barsAt+width+6, baseline, shortMillis(s.half))
		y += barHeight + barGap
	}
	return y + groupGap
}

func shortMillis(d time.Duration) string {
	ms := float64(d) / float64(time.Millisecond)
	if ms < 10 {
		return fmt.Sprintf("%.1f", ms)
	}
	return fmt.Sprintf("%.0f", ms)
}

const chartStyle = `<style>
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.head { font-weight: 600 }
.who { text-anchor: end }
.small { font-size: 11px; opacity: .7 }
.value { font-variant-numeric: tabular-nums }
.roost { fill: #d9730d }
.crun { fill: #4078c0 }
.runc { fill: #6f7f95 }
.bwrap { fill: #7aa874 }
.floor { fill: #b4b9c2 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 }
.roost { fill: #f2994a }
.crun { fill: #6ea8fe }
.runc { fill: #8b9bb0 }
.bwrap { fill: #8fc388 }
.floor { fill: #5b6470 }
}
</style>
`
