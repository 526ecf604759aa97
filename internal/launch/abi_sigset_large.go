//go:build mips || mipsle || mips64 || mips64le

package launch

// sigsetSize is that of the kernel's sigset_t, which every call that takes one asks for: mips has 128 signals.
const sigsetSize = 16
