// For a process that lives for milliseconds: Go need not name its memory mappings to the kernel, one by one, nor watch the CPU limit
// of its cgroup, for which it would keep descriptors open: those are in a forked child, too.
//
//go:debug decoratemappings=0
//go:debug containermaxprocs=0
//go:debug updatemaxprocs=0
package main

import (
	"os"
	"runtime"
)

func main() {
	// More would have Go wake threads to look for work that there is not, on the processor that the container needs: 6 % of
	// a container's CPU time. What waits in a system call does not count.
	runtime.GOMAXPROCS(1)
	deepen()
	a := &app{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr}
	os.Exit(a.main(os.Args[1:]))
}

// deepen makes the stack as large as the commands need it, now that there is little on it: it would double four times otherwise, and each
// time every frame is looked at. It does not shrink, since nothing is collected.
//
//go:noinline
func deepen() {
	var room [20 << 10]byte
	runtime.KeepAlive(&room)
}
