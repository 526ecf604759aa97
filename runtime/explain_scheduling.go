package runtime

import (
	"fmt"

	"github.com/roost-run/roost/internal/spec"
)

type schedulerJSON struct {
	Policy      string `json:"policy"`
	Nice        int32  `json:"nice"`
	Priority    uint32 `json:"priority"`
	Runtime     uint64 `json:"runtime,omitempty"`
	Deadline    uint64 `json:"deadline,omitempty"`
	Period      uint64 `json:"period,omitempty"`
	ResetOnFork bool   `json:"resetOnFork,omitempty"`
	Flags       string `json:"flags"` // all of them, as the kernel's number
}

func (s *Scheduler) asJSON() *schedulerJSON {
	if s == nil {
		return nil
	}
	return &schedulerJSON{
		Policy: s.Name, Nice: s.Nice, Priority: s.Priority, Runtime: s.Runtime, Deadline: s.Deadline, Period: s.Period,
		ResetOnFork: s.Flags&spec.SchedResetOnFork != 0, Flags: fmt.Sprintf("%#x", s.Flags),
	}
}

func (s *Scheduler) String() string {
	if s == nil {
		return ""
	}
	text := s.Name
	switch {
	case s.Priority != 0:
		text += fmt.Sprintf(", priority %d", s.Priority)
	case s.Deadline != 0:
		text += fmt.Sprintf(", %d of each %d ns by %d", s.Runtime, s.Period, s.Deadline)
	default:
		text += fmt.Sprintf(", nice %d", s.Nice)
	}
	if s.Flags != 0 {
		text += fmt.Sprintf(", flags %#x", s.Flags)
	}
	return text
}

func (p *IOPriority) String() string {
	if p == nil {
		return ""
	}
	return fmt.Sprintf("%s %d", p.Class, p.Level)
}

func (m *MemoryPolicy) String() string {
	if m == nil {
		return ""
	}
	text := m.Name
	if m.List != "" {
		text += " on nodes " + m.List
	}
	if flags := m.Mode &^ 0xff; flags != 0 {
		text += fmt.Sprintf(", flags %#x", flags)
	}
	return text
}

func (p *Personality) String() string {
	if p == nil {
		return ""
	}
	return p.Name
}

func (s *Scheduling) explain(line func(name, format string, args ...any)) {
	for _, l := range []struct{ name, text string }{
		{"  scheduling", s.Scheduler.String()}, {"  I/O priority", s.IOPriority.String()},
		{"  memory policy", s.Memory.String()}, {"  personality", s.Personality.String()},
	} {
		if l.text != "" {
			line(l.name, "%s", l.text)
		}
	}
}
