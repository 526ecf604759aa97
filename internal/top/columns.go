package top

import (
	"strings"
)

// column is one of the table. Where there is no room for all, those with the highest rank go first.
type column struct {
	name  string
	width int
	rank  int
	right bool
	cell  func(r Row, width int) string
}

func columns(g Glyphs) []column {
	pressure := func(of func(Pressure) float64) func(Row, int) string {
		return func(r Row, _ int) string {
			if r.Pressure == nil {
				return "-"
			}
			return percent(of(*r.Pressure))
		}
	}
	return []column{
		{"STATUS", 8, 7, false, func(r Row, _ int) string { return r.Status }},
		{"CPU%", 6, 0, true, func(r Row, _ int) string { return percent(r.Share) }},
		{"", 8, 5, false, func(r Row, width int) string {
			return g.bar(r.CPUHistory, max(100, largest(r.CPUHistory)), width)
		}},
		{"MEMORY", 6, 0, true, func(r Row, _ int) string { return r.memory() }},
		{"LIMIT", 5, 3, true, func(r Row, _ int) string { return orNone(r.MemoryLimit, size) }},
		{"", 8, 6, false, func(r Row, width int) string {
			full := float64(r.MemoryLimit)
			if full == 0 {
				full = largest(r.MemoryHistory)
			}
			return g.bar(r.MemoryHistory, full, width)
		}},
		{"PSI-C", 5, 4, true, pressure(func(p Pressure) float64 { return p.CPU })},
		{"PSI-M", 5, 4, true, pressure(func(p Pressure) float64 { return p.Memory })},
		{"PSI-I", 5, 4, true, pressure(func(p Pressure) float64 { return p.IO })},
		{"PIDS", 5, 1, true, func(r Row, width int) string { return count(r.Tasks, width) }},
		{"LIMIT", 5, 2, true, func(r Row, width int) string {
			return orNone(r.TasksLimit, func(n uint64) string { return count(n, width) })
		}},
	}
}

// memory has a mark if it is a sum over processes.
func (r Row) memory() string {
	if r.Approximated {
		return "~" + size(r.Memory)
	}
	return size(r.Memory)
}

func orNone(limit uint64, text func(uint64) string) string {
	if limit == 0 {
		return "-"
	}
	return text(limit)
}

// narrowest is what an id gets at least.
const narrowest = 8

// layout leaves out columns until the rest fit, and gives the ids what remains, as far as they need it.
func layout(g Glyphs, width, longest int) (list []column, id int) {
	list = columns(g)
	for {
		id = width
		worst := 0
		for i, c := range list {
			id -= c.width + 1
			if c.rank > list[worst].rank {
				worst = i
			}
		}
		if id >= min(longest, 2*narrowest) || id >= narrowest && list[worst].rank < 4 || list[worst].rank == 0 {
			return list, max(1, min(id, longest))
		}
		list = without(list, list[worst].rank)
	}
}

func without(list []column, rank int) (left []column) {
	for _, c := range list {
		if c.rank != rank {
			left = append(left, c)
		}
	}
	return left
}

// line is one row, or with a nil row the headings.
func line(list []column, id int, r *Row) string {
	var b strings.Builder
	first := "ID"
	if r != nil {
		first = plain(r.ID)
	}
	b.WriteString(fit(first, id, false))
	for _, c := range list {
		text := c.name
		if r != nil {
			text = c.cell(*r, c.width)
		}
		b.WriteString(" " + fit(text, c.width, c.right))
	}
	return b.String()
}

func longestID(rows []Row) int {
	longest := narrowest
	for _, r := range rows {
		longest = max(longest, len([]rune(plain(r.ID))))
	}
	return longest
}
