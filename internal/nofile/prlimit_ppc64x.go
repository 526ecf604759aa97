//go:build ppc64 || ppc64le

package nofile

// arch/powerpc/kernel/syscalls/syscall.tbl; include/uapi/asm-generic/resource.h
const (
	sysPrlimit64 = 325
	rlimitNofile = 7
)
