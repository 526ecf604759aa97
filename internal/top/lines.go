package top

import (
	"strconv"
	"strings"
	"time"

	"github.com/roost-run/roost/internal/strictjson"
)

// Lines is the table without a screen: headings and all rows, as wide as they have to be, for people and scripts that split at spaces. Nothing is
// cut off, there are no bars, and what is not known is "-".
func Lines(rows []Row) string {
	var list []column
	for _, c := range columns(ASCII()) {
		if c.name != "" {
			list = append(list, c)
		}
	}
	for i, name := range []string{"STATUS", "CPU%", "MEMORY", "MEMORY-LIMIT", "PSI-CPU", "PSI-MEMORY", "PSI-IO", "PIDS", "PIDS-LIMIT"} {
		list[i].name, list[i].width = name, max(len(name), 8) // eight digits of pids are more than there can be
	}
	id := longestID(rows)
	var b strings.Builder
	b.WriteString(line(list, id, nil) + "\n")
	for i := range rows {
		b.WriteString(strings.TrimRight(line(list, id, &rows[i]), " ") + "\n")
	}
	return b.String()
}

// JSON is one object on one line. What is not known, and limits that are not set, are left out.
func JSON(r Row) string {
	b := []byte{'{'}
	key := func(name string) { b = strictjson.AppendKey(b, name) }
	text := func(name, value string) { key(name); b = strictjson.AppendString(b, value) }
	count := func(name string, n uint64) { key(name); b = strictjson.AppendUint(b, n) }
	share := func(name string, value float64) { key(name); b = strconv.AppendFloat(b, value, 'f', 2, 64) }
	text("time", r.At.UTC().Format(time.RFC3339Nano))
	text("id", r.ID)
	text("status", r.Status)
	count("cpuTotal", r.CPU)
	if r.Share >= 0 {
		share("cpuPercent", r.Share)
	}
	count("memory", r.Memory)
	if r.MemoryLimit != 0 {
		count("memoryLimit", r.MemoryLimit)
	}
	if r.Pressure != nil {
		key("psiSome10")
		b = append(b, '{')
		share("cpu", r.Pressure.CPU)
		share("memory", r.Pressure.Memory)
		share("io", r.Pressure.IO)
		b = append(b, '}')
	}
	count("pids", r.Tasks)
	if r.TasksLimit != 0 {
		count("pidsLimit", r.TasksLimit)
	}
	if r.Approximated {
		key("approximated")
		b = strictjson.AppendBool(b, true)
	}
	return string(b) + "}\n"
}
