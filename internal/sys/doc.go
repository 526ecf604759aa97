// Package sys has the system calls that golang.org/x/sys/unix lacks, one wrapper for each, and nothing more.
package sys
