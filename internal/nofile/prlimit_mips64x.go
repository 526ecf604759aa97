//go:build mips64 || mips64le

package nofile

// arch/mips/kernel/syscalls/syscall_n64.tbl; mips numbers its limits its own way: arch/mips/include/uapi/asm/resource.h
const (
	sysPrlimit64 = 5297
	rlimitNofile = 5
)
