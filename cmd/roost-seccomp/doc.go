// Command roost-seccomp compiles: the section linux.seccomp of a configuration on standard input becomes a filter on standard
// output, in the form that internal/seccomp reads. What is wrong with the section is said on standard error, a line for each
// problem, with its JSON path, and the exit status is 1. Anything else that goes wrong is status 2.
//
// It is a program of its own since it has libseccomp, and cgo with it, which costs every start a third of a container's.
// Without cgo it says how to build it.
//
// Reading order: main.go, section.go, compile.go, newest.go, toonew.go, vm.go, shrink.go, ranges.go.
package main
