// Package nofile knows the limit on open files that this process was started with.
//
// Go's syscall package raises the soft RLIMIT_NOFILE to just below the hard one while the program starts
// (syscall/rlimit.go), and puts it back in the children that os/exec and syscall.ForkExec start. A child that is forked
// in any other way keeps the raised limit: select(2) users above 1024 descriptors break, and so do old daemons that
// close every descriptor up to the limit. So the limit has to be read before Go changes it.
//
// The rule that bites: this package must import nothing but unsafe. Go initialises packages in the order of their
// import paths, among those whose imports are initialised (Go specification, "Program initialization"). Without
// imports this one is ready at the very start, and its path sorts before "syscall"; with any import that leads to syscall
// it would come too late. Hence the system call by linkname, and tests that are a package of their own: an in-package
// test would add the imports of package testing.
//
// It sees nothing in a plugin or a c-shared library, where another Go runtime or an earlier start raised the limit already.
//
// Read: nofile.go, then the number of prlimit64 for each architecture in prlimit_*.go.
package nofile
