package top

import "time"

// Sample is what was read of one container at one moment.
type Sample struct {
	ID, Status   string
	At           time.Time
	CPU          uint64 // nanoseconds of processor time so far
	Memory       uint64 // bytes
	MemoryLimit  uint64 // bytes; 0 is none
	Tasks        uint64
	TasksLimit   uint64    // 0 is none
	Pressure     *Pressure // nil where the kernel does not tell
	Approximated bool      // summed up over processes, not counted by a cgroup
}

// Pressure is the share of the last ten seconds, in percent, in which some task stood still for want of the resource.
type Pressure struct{ CPU, Memory, IO float64 }

// Row is a Sample with what only two of them give.
type Row struct {
	Sample
	Share         float64   // percent of one processor; less than 0 when it is not known yet
	CPUHistory    []float64 // of Share, oldest first
	MemoryHistory []float64 // bytes
}

// history is how many values a history has at most: as many as the widest bar is wide.
const history = 32

// Meter remembers the samples before. The zero Meter has none.
type Meter struct {
	before map[string]Row
}

// Rows takes the next samples. A container that is not among them is forgotten.
func (m *Meter) Rows(samples []Sample) []Row {
	now := make(map[string]Row, len(samples))
	rows := make([]Row, 0, len(samples))
	for _, s := range samples {
		row := m.next(s)
		now[s.ID] = row
		rows = append(rows, row)
	}
	m.before = now
	return rows
}

func (m *Meter) next(s Sample) Row {
	last, known := m.before[s.ID]
	row := Row{Sample: s, Share: -1}
	// A sum over processes falls when one ends whose parent does not want to know.
	if passed := s.At.Sub(last.At); known && passed > 0 {
		row.Share = 0
		if s.CPU > last.CPU {
			row.Share = 100 * float64(s.CPU-last.CPU) / float64(passed)
		}
		row.CPUHistory = follow(last.CPUHistory, row.Share)
	}
	row.MemoryHistory = follow(last.MemoryHistory, float64(s.Memory))
	return row
}

// follow appends to a copy: rows that were given out keep what they have.
func follow(past []float64, value float64) []float64 {
	past = past[max(0, len(past)-history+1):]
	return append(append(make([]float64, 0, len(past)+1), past...), value)
}
