package nofile

// arch/arm/tools/syscall.tbl; include/uapi/asm-generic/resource.h
const (
	sysPrlimit64 = 369
	rlimitNofile = 7
)
