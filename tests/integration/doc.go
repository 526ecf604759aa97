// Package integration holds black-box tests: they know the command line of roost and the kernel, nothing of its packages.
//
// The same compiled tests run as an ordinary user and as root (tests/run.sh, which also prepares what they need). The
// one rule that bites: nothing here may depend on which of the two it is, except through the base configuration, and a
// skip names the grant that is missing. A grant that the set-up provides (ROOST_TEST_GRANTS) is never missing: such a
// skip is a failure.
//
// Reading order: main_test.go (who reaps, what counts as a leak), harness_test.go (how a test runs roost),
// rootfs_test.go (what it runs in), then a file for each topic.
//
// ROOST names the runtime under test; another runtime may be held against the same tests, and what only roost has is
// then skipped.
package integration
