package runtime

import (
	"slices"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/launch"
)

// coverable are the files of a proc that a mount may go over: what tells a container of its limits instead of the machine's, as
// lxcfs makes them, and what other runtimes let pass.
func coverable(path string) bool {
	return slices.Contains([]string{
		"/proc/cpuinfo", "/proc/diskstats", "/proc/loadavg", "/proc/meminfo", "/proc/net/dev", "/proc/slabinfo", "/proc/stat", "/proc/swaps",
		"/proc/uptime", "/proc/sys/crypto/fips_enabled", "/proc/sys/kernel/ns_last_pid",
	}, path)
}

// outsideProc refuses a mount point in a proc, however the path leads there: what is read and written in one is trusted, by the
// runtime and by programs (CVE-2019-16884, CVE-2019-19921, CVE-2025-52881).
func (c *compiler) outsideProc(m Mount, target launch.Slot, label string) {
	if coverable(m.Destination) {
		return
	}
	c.Verify(label, target.Arg(), launch.OffFilesystem, unix.PROC_SUPER_MAGIC).Path(m.Destination).
		Remedy("it is in a proc, where nothing but a few files such as /proc/cpuinfo may be covered; mount it elsewhere, or mask the path (linux.maskedPaths)")
}
