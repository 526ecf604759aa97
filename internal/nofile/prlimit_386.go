package nofile

// arch/x86/entry/syscalls/syscall_32.tbl; include/uapi/asm-generic/resource.h
const (
	sysPrlimit64 = 340
	rlimitNofile = 7
)
