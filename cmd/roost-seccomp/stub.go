//go:build !cgo

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "roost-seccomp was built without cgo, so without libseccomp; build it with CGO_ENABLED=1, a C compiler, pkg-config and libseccomp's headers (Debian: gcc pkg-config libseccomp-dev)")
	os.Exit(2)
}
