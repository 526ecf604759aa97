// Package launch runs a list of system calls in a forked child, up to an execve or to its own end.
//
// A [Program] is made by a [Builder] out of data that is known beforehand, and is one relocatable buffer: steps, strings and
// scratch space, with offsets where C has pointers. [Start] forks once, by clone3 and through the hooks that Go's own fork
// uses, and the child interprets the buffer. At sync points the child stops and the parent acts; see [Builder.Sync].
//
// The one rule that bites: between the fork and the execve there is no Go runtime. What the child runs must not allocate,
// must not grow its stack, must not take a lock, store a Go pointer or call anything but raw system calls. All of it is in
// child.go and the child_*.go files, marked nosplit: the linker then proves that no stack can grow.
//
// Read in this order: program.go (what a program is), build.go (how one is made), message.go (what parent and child say to
// each other), child.go and child_*.go (what the child does), fork.go, parent.go, drive.go and
// event.go (what the parent does meanwhile).
package launch
