package nofile

// arch/s390/kernel/syscalls/syscall.tbl; include/uapi/asm-generic/resource.h
const (
	sysPrlimit64 = 334
	rlimitNofile = 7
)
