package degrade

// Kind is what is asked for.
type Kind string

// The kinds, in the order of their documentation.
const (
	Memory       Kind = "memory" // linux.resources.memory
	CPU          Kind = "cpu"
	Cpuset       Kind = "cpuset" // cpu.cpus and cpu.mems
	PIDs         Kind = "pids"
	IO           Kind = "io" // blockIO
	HugeTLB      Kind = "hugetlb"
	RDMA         Kind = "rdma"
	Unified      Kind = "unified"
	Cgroup       Kind = "cgroup"  // a cgroup of its own (cgroupsPath), and the mount of its tree
	Devices      Kind = "devices" // device rules, and what a bound device node keeps of the host's
	DeviceFilter Kind = "devicefilter"
	RDT          Kind = "rdt"
	Label        Kind = "label" // AppArmor, SELinux
	Seccomp      Kind = "seccomp"
	Capabilities Kind = "capabilities"
	OOM          Kind = "oom" // oomScoreAdj
	Groups       Kind = "groups"
	Mounts       Kind = "mounts" // all of them, where there is no mount namespace
	Sysfs        Kind = "sysfs"
	Proc         Kind = "proc"
	Mqueue       Kind = "mqueue"
	Devpts       Kind = "devpts" // uid= and gid= that are not mapped
	Overlay      Kind = "overlay"
	MountFlags   Kind = "mountflags" // of mounts that are locked
	IDMap        Kind = "idmap"      // id-mapped mounts
	Keyring      Kind = "keyring"
	Sysctl       Kind = "sysctl"
	Rlimit       Kind = "rlimit"
	NetDevices   Kind = "netdevices"
	Hostname     Kind = "hostname"
	Clocks       Kind = "clocks" // timeOffsets
	Scheduler    Kind = "scheduler"
	Notify       Kind = "notify" // the readiness protocol of systemd
)

// Policy is what becomes of it.
type Policy uint8

// The policies, the strictest last.
const (
	Ignore Policy = iota // the container runs without it; listed
	Warn                 // the same, and a warning
	Deny                 // an error, before anything is created where that can be known
)

func (p Policy) String() string {
	switch p {
	case Ignore:
		return "ignore"
	case Warn:
		return "warn"
	}
	return "deny"
}

type rule struct {
	kind   Kind
	policy Policy
	what   string
}

// rules are the defaults: callers must not notice a difference from runc, except where runc would break a promise.
func rules() []rule {
	return []rule{
		{Memory, Deny, "memory limits"},
		{CPU, Deny, "CPU limits and weights"},
		{Cpuset, Deny, "CPUs and memory nodes"},
		{PIDs, Deny, "the limit of processes"},
		{IO, Deny, "limits and weights of block devices"},
		{HugeTLB, Deny, "limits of huge pages"},
		{RDMA, Deny, "RDMA limits"},
		{Unified, Deny, "files of cgroup v2 by name"},
		{Cgroup, Ignore, "a cgroup of its own, and the mount that shows it"},
		{Devices, Ignore, "device rules where no device can be made anyway; owner and mode of bound nodes"},
		{DeviceFilter, Deny, "the device filter of a container that can make devices, under the root of the machine"},
		{RDT, Deny, "cache and memory bandwidth allocation"},
		{Label, Deny, "AppArmor profiles and SELinux labels"},
		{Seccomp, Deny, "the filter of system calls"},
		{Capabilities, Ignore, "capabilities that this kernel or this roost does not know"},
		{OOM, Warn, "an oom_score_adj lower than the caller's"},
		{Groups, Deny, "additional groups where groups cannot be set"},
		{Mounts, Warn, "mounts, masks and devices of a container without a mount namespace"},
		{Sysfs, Ignore, "a sysfs of its own: the host's stands in, read-only"},
		{Proc, Ignore, "a proc of its own: the one outside stands in"},
		{Mqueue, Ignore, "an mqueue of its own: the host's stands in"},
		{Devpts, Ignore, "owner and group of terminals that are not mapped"},
		{Overlay, Ignore, "an overlay beyond the depth that the kernel allows: the lower directory stands in, read-only"},
		{MountFlags, Ignore, "flags of a mount that are locked from outside"},
		{IDMap, Deny, "id-mapped mounts"},
		{Keyring, Ignore, "a session keyring where the quota is spent"},
		{Sysctl, Deny, "kernel parameters"},
		{Rlimit, Deny, "resource limits above the hard limit"},
		{NetDevices, Deny, "network devices"},
		{Hostname, Ignore, "host and domain names where a container around this one forbids to set them"},
		{Clocks, Deny, "time offsets"},
		{Scheduler, Deny, "scheduling policy, priorities, affinity, memory policy"},
		{Notify, Warn, "readiness messages that cannot be passed on"},
	}
}
