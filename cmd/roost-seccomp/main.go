//go:build cgo

package main

import (
	"fmt"
	"io"
	"os"

	libseccomp "github.com/seccomp/libseccomp-golang"

	"github.com/roost-run/roost/internal/seccomp"
)

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// version is set by the Makefile.
var version = "unknown"

func run(args []string, in io.Reader, out, errs io.Writer) int {
	switch {
	case len(args) == 1 && args[0] == "--version":
		major, minor, micro := libseccomp.GetLibraryVersion()
		fmt.Fprintf(out, "roost-seccomp version %s\nlibseccomp: %d.%d.%d\n", version, major, minor, micro)
		return 0
	case len(args) > 0:
		fmt.Fprintln(errs, "usage: roost-seccomp <SECTION >FILTER, where SECTION is the value of linux.seccomp in a config.json; roost runs it by itself")
		return 2
	}
	raw, err := io.ReadAll(io.LimitReader(in, seccomp.MaxSection+1))
	if err != nil {
		fmt.Fprintf(errs, "roost-seccomp: read the section: %v\n", err)
		return 2
	}
	f, problems, err := compile(raw)
	switch {
	case err != nil:
		fmt.Fprintf(errs, "roost-seccomp: %v\n", err)
		return 2
	case len(problems) > 0:
		for _, p := range problems {
			fmt.Fprintln(errs, p)
		}
		return 1
	}
	if _, err := out.Write(seccomp.Encode(f, raw)); err != nil {
		fmt.Fprintf(errs, "roost-seccomp: write the filter: %v\n", err)
		return 2
	}
	return 0
}
