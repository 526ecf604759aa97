package integration

import (
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// harmful are the numbers that end the caller, wait for ever, or do something with the machine whatever their arguments are.
func harmful(entry32 bool) []int {
	if entry32 {
		return []int{1, 2, 29, 36, 72, 119, 120, 173, 179, 190, 252} // exit fork pause sync sigsuspend sigreturn clone rt_sigreturn rt_sigsuspend vfork exit_group
	}
	return []int{15, 34, 56, 57, 58, 60, 130, 162, 231, 335, 336} // rt_sigreturn pause clone fork vfork exit rt_sigsuspend sync exit_group uretprobe uprobe
}

// The same profile lets the same system calls through as with runc, by both entries: each number is tried with arguments that no
// system call does anything with.
func TestSeccompAsRunc(t *testing.T) {
	needRoost(t)
	needSeccomp(t)
	needRoot(t)
	if runtime.GOARCH != "amd64" {
		t.Skip("amd64: the numbers above are its own")
	}
	runc, err := exec.LookPath("runc")
	if err != nil {
		if runc, err = exec.LookPath("/usr/sbin/runc"); err != nil {
			t.Skip("runc: not installed; install runc to compare")
		}
	}
	const none = uint64(1<<64 - 1)
	var calls []string
	entries := []string{"", "32:"}
	if r := runOnce(t, calling(t, "32:64")); r.Code != 0 || strings.TrimSpace(r.Stdout) != "0" { // getppid
		entries = entries[:1] // there is no entry for 32-bit code, as in user-mode Linux
	}
	for _, entry := range entries {
		for n := range 520 {
			if !slices.Contains(harmful(entry != ""), n) {
				calls = append(calls, entry+nr(n, none, none, none, none, none, none))
			}
		}
	}
	bundle := newBundle(t, with(calling(t, calls...), filtered(defaultProfile(t))))
	ours := printed(t, must(t, "run", "--bundle", bundle, newID(t)))
	cmd := command(t)
	cmd.Path, cmd.Args = runc, []string{runc, "--root", filepath.Join(tempDir(t), "runc"), "run", "--bundle", bundle, newID(t)}
	r := finish(t, cmd)
	if r.Code != 0 {
		t.Skipf("runc: does not run here: %v", r)
	}
	theirs := printed(t, r)
	if len(ours) != len(calls) || len(theirs) != len(calls) {
		t.Fatalf("%d calls, %d answers, %d answers of runc", len(calls), len(ours), len(theirs))
	}
	denied, known := 0, 0
	for i := range calls {
		if kind(ours[i]) != "ENOSYS" {
			known = i
		}
	}
	for i := range calls {
		if is := kind(ours[i]); is != kind(theirs[i]) {
			if i > known { // a newer libseccomp than roost-seccomp was built with has more numbers
				t.Logf("%s: only runc knows it", strings.SplitN(calls[i], ",", 2)[0])
				continue
			}
			t.Errorf("%s: %s, with runc %s", strings.SplitN(calls[i], ",", 2)[0], ours[i], theirs[i])
		} else if is == "EPERM" {
			denied++
		}
	}
	if denied < 60 {
		t.Errorf("only %d calls were denied", denied)
	}
}

// kind tells a filter's answers from all others.
func kind(answer string) string {
	switch answer {
	case "-1":
		return "EPERM"
	case "-38":
		return "ENOSYS"
	}
	return "let through"
}
