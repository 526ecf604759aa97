// Command report prints what nofile saw and what the limit is by now: soft, hard, soft now.
package main

import (
	"fmt"
	_ "os/exec" // a program's usual company: packages that need syscall
	"syscall"

	"github.com/roost-run/roost/internal/nofile"
)

func main() {
	var now syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &now); err != nil {
		panic(err)
	}
	soft, hard := nofile.Original()
	fmt.Println(soft, hard, uint64(now.Cur))
}
