package integration

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// bare calls roost without --root, in an environment of just these variables.
func bare(t testing.TB, env []string, args ...string) result {
	t.Helper()
	cmd := exec.Command(home.roost, args...)
	cmd.Env = env
	cmd.Dir = home.dir
	return finish(t, cmd)
}

// What podman calls start, kill and delete with: XDG_RUNTIME_DIR and nothing else. It must lead to the same place.
func TestStateRootFromRuntimeDirAlone(t *testing.T) {
	needRoost(t)
	needUser(t)
	dir := tempDir(t)
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	env := []string{"XDG_RUNTIME_DIR=" + dir}
	id := newID(t)
	bundle := newBundle(t, sh(sleeper))
	if r := bare(t, append(os.Environ(), env...), "create", "--bundle", bundle, id); r.Code != 0 {
		t.Fatal(r)
	}
	for _, c := range [][]string{{"start", id}, {"kill", id, "9"}, {"delete", "--force", id}} {
		if r := bare(t, env, c...); r.Code != 0 {
			t.Errorf("%v: %v", c, r)
		}
	}
	if !exists(dir + "/roost") {
		t.Errorf("the state was not below XDG_RUNTIME_DIR")
	}
}

func TestBadRuntimeDir(t *testing.T) {
	needRoost(t)
	needUser(t)
	dir := tempDir(t)
	os.WriteFile(dir+"/file", nil, 0o644)
	bundle := newBundle(t, nil)
	for name, value := range map[string]string{
		"somebody else's": "/etc", "a file": dir + "/file", "missing": dir + "/missing", "relative": "run",
	} {
		t.Run(name, func(t *testing.T) {
			r := bare(t, []string{"PATH=/usr/bin:/bin", "XDG_RUNTIME_DIR=" + value}, "run", "--bundle", bundle, "bad-runtime-dir")
			if r.Code == 0 || !strings.Contains(r.Stderr, value) || !strings.Contains(r.Stderr, "--root") && !strings.Contains(r.Stderr, "/run/user") && !strings.Contains(r.Stderr, "/tmp/roost-") {
				t.Errorf("want an error that names %s and the next candidate: %v", value, r)
			}
		})
	}
}

// Without the variable there is always somewhere: /run/user/UID, or /tmp/roost-UID.
func TestNoRuntimeDir(t *testing.T) {
	needRoost(t)
	needUser(t)
	if r := bare(t, []string{"PATH=/usr/bin:/bin"}, "run", "--bundle", newBundle(t, nil), "no-runtime-dir"); r.Code != 0 {
		t.Error(r)
	}
}

// A state root that is full: a clean error, and nothing left in it.
func TestFullStateRoot(t *testing.T) {
	needRoost(t)
	needRoot(t)
	dir := tempDir(t)
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=4k,mode=0700", "tmpfs", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	defer exec.Command("umount", dir).Run()
	if err := os.WriteFile(dir+"/.full", make([]byte, 4096), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"create", "run"} {
		cmd := exec.Command(home.roost, "--root", dir, command, "--bundle", newBundle(t, nil), "c")
		r := finish(t, cmd)
		if r.Code == 0 || !strings.Contains(r.Stderr, "no space left on device") {
			t.Errorf("%s: %v", command, r)
		}
		if left := containers(dir); len(left) > 0 {
			t.Errorf("%s left %q", command, left)
		}
	}
	if left := orphans(); len(left) > 0 {
		t.Errorf("left processes: %q", left)
	}
}
