// Empty on purpose: the go command lets a package have functions without a body
// (rawSyscall6, a linkname) only where there is an assembly file.
