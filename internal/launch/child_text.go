package launch

import "unsafe"

// decimal writes v with a NUL after it.
//
//go:nosplit
//go:norace
//go:nocheckptr
//go:noinline
func decimal(p unsafe.Pointer, v uintptr) {
	width := uintptr(1)
	for rest := v / 10; rest > 0; rest /= 10 {
		width++
	}
	*(*byte)(unsafe.Add(p, width)) = 0
	for width > 0 {
		width--
		*(*byte)(unsafe.Add(p, width)) = '0' + byte(v%10)
		v /= 10
	}
}
