package main

import (
	"os"
	"runtime/debug"
)

func main() {
	// A command lives for milliseconds on a heap of a few hundred KiB; collecting it costs more than it frees. Those
	// that wait for a container turn the collector on again, see foreground.go.
	debug.SetGCPercent(-1)
	a := &app{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr}
	os.Exit(a.main(os.Args[1:]))
}
