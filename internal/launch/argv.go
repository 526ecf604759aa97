package launch

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// argvArea is where our arguments lie in memory, from the first byte to the NUL of the last, so that a child can wipe them.
// Go's os.Args refers to the originals. Whatever is elsewhere than between what the kernel puts below and above them (man 3
// getauxval) is not ours to write to: the program changed os.Args, and there is nothing to be wiped safely.
func argvArea() (start, size uintptr) {
	var low, high uintptr
	aux, err := unix.Auxv()
	if err != nil || len(os.Args) == 0 {
		return 0, 0
	}
	for _, a := range aux {
		switch a[0] {
		case 25: // AT_RANDOM
			low = a[1]
		case 31: // AT_EXECFN
			high = a[1]
		}
	}
	last := os.Args[len(os.Args)-1]
	start = uintptr(unsafe.Pointer(unsafe.StringData(os.Args[0])))
	end := uintptr(unsafe.Pointer(unsafe.StringData(last))) + uintptr(len(last)) + 1
	if start <= low || end > high || end < start {
		return 0, 0
	}
	return start, end - start
}
