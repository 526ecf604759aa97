// Package seccomp finds the compiled form of a seccomp profile: the section linux.seccomp of a configuration goes in as it is
// written there, and a filter for seccomp(2) comes out.
//
// roost itself does not compile. A compiled filter is kept in a directory below the state root and found again by the bytes of
// the section, which then is not even decoded; only on a miss the program roost-seccomp is run, which has libseccomp.
//
// The rule that bites: a kept filter replaces what somebody asked for, so nobody else may be able to put one there. The file, and
// its directory, have to be ours and closed to others; a file is looked at only through its descriptor; it holds the section that
// it was made of, and only equality of all bytes counts. The hash in its name is no more than a name.
//
// Reading order: seccomp.go, file.go, kept.go, sweep.go, helper.go, run.go.
package seccomp
