//go:build arm64 || riscv64 || loong64

package nofile

// include/uapi/asm-generic/unistd.h, resource.h
const (
	sysPrlimit64 = 261
	rlimitNofile = 7
)
