package launch

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// argvArea is where our arguments lie in memory, so that a child can wipe them. The kernel puts them below the environment,
// and that below the path of the executable, AT_EXECFN (man 3 getauxval). Go's os.Args and environment refer to the originals,
// and either may have been changed since: so the area goes from the first argument that is still in its place up to whatever
// is known to follow. That may take in some of the environment, which no child needs. When no argument is left in its place
// there is nothing that can be wiped safely.
func argvArea() (start, size uintptr) {
	var low, high uintptr
	aux, err := unix.Auxv()
	if err != nil {
		return 0, 0
	}
	for _, a := range aux {
		switch a[0] {
		case 25: // AT_RANDOM, below the arguments
			low = a[1]
		case 31: // AT_EXECFN
			high = a[1]
		}
	}
	start = lowest(os.Args, low, high)
	return start, lowest(os.Environ(), start, high) - start
}

// lowest is the lowest address of those strings that lie between low and high, and else high.
func lowest(list []string, low, high uintptr) uintptr {
	found := high
	for _, s := range list {
		if p := uintptr(unsafe.Pointer(unsafe.StringData(s))); p > low && p < found {
			found = p
		}
	}
	return found
}
