//go:build !mips && !mipsle && !mips64 && !mips64le

package launch

// sigsetSize is that of the kernel's sigset_t, which every call that takes one asks for: 64 signals.
const sigsetSize = 8
