package runtime

import "math"

// Stats is what a container uses at one moment. Its JSON is the data of runc's `events`, member for member, so that what reads one reads the
// other; docs/monitoring.md has the unit and the source of each. What only cgroup v1 counts is left out, or zero where runc has a zero.
type Stats struct {
	CPU        CPUStats                `json:"cpu"`
	CPUSet     CPUSetStats             `json:"cpuset"`
	Memory     MemoryStats             `json:"memory"`
	Pids       PidsStats               `json:"pids"`
	IO         IOStats                 `json:"blkio"`
	Hugetlb    map[string]HugetlbStats `json:"hugetlb"` // by page size: "2MB"
	IntelRDT   struct{}                `json:"intel_rdt"`
	Interfaces []InterfaceStats        `json:"network_interfaces"` // of a network namespace of the container's own

	// Approximated names the members that no cgroup counted: they are sums over the processes that live, from /proc. Nil when there are none.
	Approximated []string `json:"approximated,omitempty"`
}

// Unlimited is a limit that is not set.
const Unlimited = math.MaxUint64

// CPUStats is processor time since the container was made.
type CPUStats struct {
	Usage struct {
		Total  uint64 `json:"total,omitempty"` // nanoseconds, like the others
		Kernel uint64 `json:"kernel"`
		User   uint64 `json:"user"`
	} `json:"usage"`
	Throttling struct {
		Periods   uint64 `json:"periods,omitempty"`
		Throttled uint64 `json:"throttledPeriods,omitempty"`
		Time      uint64 `json:"throttledTime,omitempty"` // nanoseconds
	} `json:"throttling"`
	Pressure *Pressure `json:"psi,omitempty"`
}

// CPUSetStats are figures of cgroup v1, all of them zero, which runc prints and decoders may want.
type CPUSetStats struct {
	CPUExclusive          uint64 `json:"cpu_exclusive"`
	MemHardwall           uint64 `json:"mem_hardwall"`
	MemExclusive          uint64 `json:"mem_exclusive"`
	MemoryMigrate         uint64 `json:"memory_migrate"`
	MemorySpreadPage      uint64 `json:"memory_spread_page"`
	MemorySpreadSlab      uint64 `json:"memory_spread_slab"`
	MemoryPressure        uint64 `json:"memory_pressure"`
	SchedLoadBalance      uint64 `json:"sched_load_balance"`
	SchedRelaxDomainLevel int64  `json:"sched_relax_domain_level"`
}

// MemoryStats is memory now, in bytes.
type MemoryStats struct {
	Cache     uint64            `json:"cache,omitempty"`
	Usage     MemoryEntry       `json:"usage"`
	Swap      MemoryEntry       `json:"swap"` // memory and swap together, as cgroup v1 counted
	Kernel    MemoryEntry       `json:"kernel"`
	KernelTCP MemoryEntry       `json:"kernelTCP"`
	Raw       map[string]uint64 `json:"raw,omitempty"` // memory.stat
	Pressure  *Pressure         `json:"psi,omitempty"`
}

// MemoryEntry is one kind of memory.
type MemoryEntry struct {
	Limit   uint64 `json:"limit"` // or Unlimited
	Usage   uint64 `json:"usage,omitempty"`
	Max     uint64 `json:"max,omitempty"` // the highest usage so far
	Failcnt uint64 `json:"failcnt"`       // how often the limit was met
}

// PidsStats counts tasks: every thread is one.
type PidsStats struct {
	Current uint64 `json:"current,omitempty"`
	Limit   uint64 `json:"limit,omitempty"` // 0 is none
}

// IOStats is what went to and came from block devices since the container was made.
type IOStats struct {
	Bytes      []IOEntry `json:"ioServiceBytesRecursive,omitempty"`
	Operations []IOEntry `json:"ioServicedRecursive,omitempty"`
	Pressure   *Pressure `json:"psi,omitempty"`
}

// IOEntry is one direction of one device.
type IOEntry struct {
	Major uint64 `json:"major,omitempty"` // 0:0 is all devices together
	Minor uint64 `json:"minor,omitempty"`
	Op    string `json:"op,omitempty"` // "Read" or "Write"
	Value uint64 `json:"value,omitempty"`
}

// HugetlbStats is one size of huge pages, in bytes.
type HugetlbStats struct {
	Usage   uint64 `json:"usage,omitempty"`
	Max     uint64 `json:"max,omitempty"`
	Failcnt uint64 `json:"failcnt"`
}

// InterfaceStats counts since the interface was made. The names in JSON are these.
type InterfaceStats struct {
	Name                                    string
	RxBytes, RxPackets, RxErrors, RxDropped uint64
	TxBytes, TxPackets, TxErrors, TxDropped uint64
}

// Pressure is how long tasks stood still for want of a resource (Documentation/accounting/psi.rst).
type Pressure struct {
	Some PressureLine `json:"some"` // some of them did
	Full PressureLine `json:"full"` // all of them at the same time
}

// PressureLine is a share of the last 10, 60 and 300 seconds in percent, and the sum in microseconds.
type PressureLine struct {
	Avg10  float64 `json:"avg10"`
	Avg60  float64 `json:"avg60"`
	Avg300 float64 `json:"avg300"`
	Total  uint64  `json:"total"`
}
