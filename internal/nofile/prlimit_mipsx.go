//go:build mips || mipsle

package nofile

// arch/mips/kernel/syscalls/syscall_o32.tbl; mips numbers its limits its own way: arch/mips/include/uapi/asm/resource.h
const (
	sysPrlimit64 = 4338
	rlimitNofile = 5
)
