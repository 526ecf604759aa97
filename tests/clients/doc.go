// Package clients drives roost through the engines that people use: podman, buildah, containerd and conmon, as the
// distribution packages them. Each engine has a file; whatever an engine keeps (images, locks, sockets, state) lies in
// one scratch directory, whatever it starts falls to this package's subreaper, and what is left at the end fails.
//
// ROOST names the runtime; the tests hold for any runtime that the engines know (ROOST=/usr/sbin/runc), but where they
// say otherwise. Tests whose names begin with TestLong run in `make test-clients` alone.
//
// Read main_test.go, desk_test.go, then an engine's file.
package clients
