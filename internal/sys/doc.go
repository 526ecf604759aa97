// Package sys has what golang.org/x/sys/unix lacks: system calls without a wrapper there, and reading files of /proc without
// waking Go's poller. One wrapper each, and nothing more.
package sys
