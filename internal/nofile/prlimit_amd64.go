package nofile

// arch/x86/entry/syscalls/syscall_64.tbl; include/uapi/asm-generic/resource.h
const (
	sysPrlimit64 = 302
	rlimitNofile = 7
)
