package top

import (
	"fmt"
	"strings"
	"time"
)

// View is what is to be seen of the rows.
type View struct {
	Rows, Columns int    // of the terminal
	Order         string // that the rows are sorted by
	Interval      time.Duration
	Scroll        int // how many rows are above the screen
	Glyphs        Glyphs
}

// Draw is a frame: at most as many lines as the screen has rows, none longer than it is wide. A scroll that goes beyond the end is set to the last
// screenful.
func (v *View) Draw(rows []Row) []string {
	table := max(1, v.Rows-3)
	v.Scroll = max(0, min(v.Scroll, len(rows)-table))
	shown := rows[v.Scroll:min(len(rows), v.Scroll+table)]
	list, id := layout(v.Glyphs, v.Columns, longestID(rows))
	frame := []string{v.summary(rows), line(list, id, nil)}
	for i := range shown {
		frame = append(frame, line(list, id, &shown[i]))
	}
	for len(frame) < v.Rows-1 {
		frame = append(frame, "")
	}
	frame = append(frame, v.help(len(rows), len(shown)))
	for i, l := range frame {
		frame[i] = strings.TrimRight(fit(l, min(v.Columns, len([]rune(l))), false), " ")
	}
	return frame[:min(len(frame), max(1, v.Rows))]
}

func (v *View) summary(rows []Row) string {
	var share float64
	var memory, tasks uint64
	for _, r := range rows {
		share += max(0, r.Share)
		memory += r.Memory
		tasks += r.Tasks
	}
	containers := "containers"
	if len(rows) == 1 {
		containers = "container"
	}
	return fmt.Sprintf("%d %s  CPU %s%%  memory %s  pids %d", len(rows), containers, percent(share), size(memory), tasks)
}

func (v *View) help(all, shown int) string {
	text := fmt.Sprintf("q quit  s sort: %s  every %s", v.Order, v.Interval)
	if shown < all {
		text += fmt.Sprintf("  arrows: %d to %d of %d", v.Scroll+1, v.Scroll+shown, all)
	}
	return text
}
