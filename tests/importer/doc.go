// Package importer is a program of somebody else: a module of its own that uses roost as a library, built with and
// without cgo, as an ordinary user and as root. What does not compile or work here has broken an importer.
//
// The examples are the ones that package runtime's documentation shows, run against the kernel.
package importer
