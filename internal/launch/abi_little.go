//go:build !s390x && !mips && !mips64 && !ppc64

package launch

// lowHalf is where a 64-bit word has its low 32 bits.
const lowHalf = 0
