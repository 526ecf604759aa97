package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// missing skips, naming what is missing, unless the set-up promised it.
func missing(t testing.TB, grant, remedy string) {
	t.Helper()
	if slices.Contains(strings.Split(os.Getenv("ROOST_TEST_GRANTS"), ","), grant) {
		t.Fatalf("%s: the set-up provides it, and yet: %s", grant, remedy)
	}
	t.Skipf("%s: %s", grant, remedy)
}

// needRoost skips what other runtimes do not have.
func needRoost(t testing.TB) {
	t.Helper()
	if !isThisRoost() {
		t.Skipf("roost: %s has no such feature", home.roost)
	}
}

func isThisRoost() bool { return strings.HasPrefix(filepath.Base(home.roost), "roost") }

// needRoot is for what an ordinary user cannot even set up.
func needRoot(t testing.TB) {
	t.Helper()
	if !isRoot() {
		missing(t, "root", "run the suite as root as well")
	}
}

// needUser is for what is only interesting without privilege.
func needUser(t testing.TB) {
	t.Helper()
	if isRoot() {
		missing(t, "user", "run the suite as an ordinary user as well")
	}
}

// needSubIDs is for mappings of more than one id, which take newuidmap and a range for the caller.
func needSubIDs(t testing.TB) {
	t.Helper()
	if isRoot() {
		return
	}
	if _, err := exec.LookPath("newuidmap"); err != nil {
		missing(t, "subids", "no newuidmap; install uidmap")
	}
	if _, _, ok := subIDs(); !ok {
		missing(t, "subids", "no range in /etc/subuid and /etc/subgid; see usermod --add-subuids")
	}
}

// needDebian returns the tar file of a Debian root file system.
func needDebian(t testing.TB) string {
	t.Helper()
	tar := os.Getenv("ROOST_TEST_DEBIAN")
	if _, err := os.Stat(tar); tar == "" || err != nil {
		missing(t, "debian", "no Debian root file system; tests/run.sh makes one with mmdebstrap")
	}
	return tar
}
