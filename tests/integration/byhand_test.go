package integration

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// host runs a command in the throw-away view of the host.
func host(t testing.TB, flags ...string) func(script string) result {
	return func(script string) result {
		t.Helper()
		return roost(t, append(append([]string{"run"}, flags...), "--", "/bin/sh", "-c", script)...)
	}
}

func TestByHandHostView(t *testing.T) {
	needRoost(t)
	if r := host(t)("echo hello; exit 4"); r.Code != 4 || r.Stdout != "hello\n" {
		t.Fatal(r)
	}
	t.Run("its programs", func(t *testing.T) {
		if r := roost(t, "run", "--", "ls", "/usr/bin/env", "/etc/passwd"); r.Code != 0 {
			t.Error(r)
		}
	})
	t.Run("its files stay as they are", func(t *testing.T) {
		r := host(t)("touch /usr/new-file /etc/new-file && ls /usr/new-file /etc/new-file")
		if r.Code != 0 {
			t.Errorf("the top of a copy is not writable: %v", r)
		}
		if exists("/usr/new-file") || exists("/etc/new-file") {
			t.Errorf("the host was changed")
		}
		if r := host(t)("ls /usr/new-file"); r.Code == 0 {
			t.Errorf("the copy was not thrown away: %v", r)
		}
	})
	t.Run("no files of the user", func(t *testing.T) {
		mine := tempDir(t) // below /tmp
		os.WriteFile(mine+"/file", []byte("mine"), 0o644)
		if r := host(t)("cat " + mine + "/file; ls -A \"$HOME\" /home /root /tmp /run/user 2>/dev/null"); strings.Contains(r.Stdout, "mine") || strings.Contains(r.Stdout, filepath.Base(home.dir)) {
			t.Errorf("the user's files are exposed: %v", r)
		}
	})
	t.Run("processes of its own", func(t *testing.T) {
		if r := host(t)("cd /proc; ls -d [0-9]* | wc -l"); strings.TrimSpace(r.Stdout) > "9" || r.Code != 0 {
			t.Errorf("sees the host's processes: %v", r)
		}
	})
	t.Run("no network", func(t *testing.T) {
		if r := host(t)("tail -n +3 /proc/net/dev | cut -d: -f1"); strings.TrimSpace(r.Stdout) != "lo" {
			t.Errorf("%v", r)
		}
		if r := host(t, "--net", "host")("readlink /proc/self/ns/net"); strings.TrimSpace(r.Stdout) != hostNS(t, "net") {
			t.Errorf("--net host: %v", r)
		}
	})
	t.Run("a clean environment", func(t *testing.T) {
		t.Setenv("ROOST_TEST_SECRET", "must not get in")
		if r := host(t)("env"); strings.Contains(r.Stdout, "must not get in") || !strings.Contains(r.Stdout, "PATH=") || !strings.Contains(r.Stdout, "HOME=") {
			t.Error(r)
		}
	})
}

func TestByHandFlags(t *testing.T) {
	needRoost(t)
	dir := tempDir(t)
	os.WriteFile(dir+"/file", []byte("from the host\n"), 0o644)
	os.WriteFile(dir+"/env", []byte("# a comment\nFROM_FILE=a b\n\nROOST_TEST_PASSED\nROOST_TEST_UNSET\n"), 0o644)
	t.Setenv("ROOST_TEST_PASSED", "passed")
	for _, c := range []struct {
		name   string
		flags  []string
		script string
		want   string
	}{
		{"-e", []string{"-e", "A=b c", "-e", "ROOST_TEST_PASSED"}, "echo $A $ROOST_TEST_PASSED", "b c passed"},
		{"--env-file", []string{"--env-file", dir + "/env"}, "echo $FROM_FILE $ROOST_TEST_PASSED ${ROOST_TEST_UNSET-unset}", "a b passed unset"},
		{"-w", []string{"-w", "/etc"}, "pwd", "/etc"},
		{"-v", []string{"-v", dir + ":/mnt"}, "cat /mnt/file; touch /mnt/w && echo writable", "from the host\nwritable"},
		{"-v ro", []string{"-v", dir + ":/mnt:ro"}, "cat /mnt/file; touch /mnt/w2 2>/dev/null || echo fixed", "from the host\nfixed"},
		{"--mount bind", []string{"--mount", "type=bind,src=" + dir + ",dst=/mnt,ro"}, "cat /mnt/file", "from the host"},
		{"--mount tmpfs", []string{"--mount", "type=tmpfs,dst=/mnt"}, "stat -f -c %T /mnt", "tmpfs"},
		{"--tmpfs", []string{"--tmpfs", "/mnt"}, "stat -f -c %T /mnt", "tmpfs"},
		{"--hostname", []string{"--hostname", "other"}, "hostname", "other"},
		{"--read-only", []string{"--read-only"}, "touch /etc/x 2>/dev/null && echo written || echo fixed", "fixed"},
		{"-i", []string{"-i"}, "cat", "typed"},
		{"--pid host", []string{"--pid", "host"}, "readlink /proc/self/ns/pid", "HOST pid"},
		{"--uts host", []string{"--uts", "host"}, "readlink /proc/self/ns/uts", "HOST uts"},
		{"--ipc host", []string{"--ipc", "host"}, "readlink /proc/self/ns/ipc", "HOST ipc"},
	} {
		for _, view := range []struct {
			name  string
			flags []string
		}{{"host", nil}, {"rootfs", []string{"--rootfs", home.rootfs}}} {
			t.Run(c.name+" "+view.name, func(t *testing.T) {
				cmd := command(t, append(append(append([]string{"run"}, view.flags...), c.flags...), "--", "/bin/sh", "-c", c.script)...)
				cmd.Stdin = strings.NewReader("typed")
				r := finish(t, cmd)
				want := c.want
				if kind, ok := strings.CutPrefix(want, "HOST "); ok {
					want = hostNS(t, kind)
				}
				if strings.TrimSpace(r.Stdout) != want {
					t.Errorf("want %q: %v", want, r)
				}
			})
		}
	}
	must(t, "list") // and nothing is left, the harness says
}

func TestByHandRootfs(t *testing.T) {
	needRoost(t)
	if r := roost(t, "run", "--rootfs", home.rootfs, "--", "cat", "/etc/canary"); r.Stdout != "untouched\n" {
		t.Error(r)
	}
	if r := roost(t, "run", "--rootfs", home.rootfs, "--name", "by-name", "--", "/bin/sh", "-c", "exit 9"); r.Code != 9 {
		t.Error(r)
	}
	refuse(t, []string{home.rootfs + "-no"}, "run", "--rootfs", home.rootfs+"-no", "--", "true")
	refuse(t, []string{"executable file not found in $PATH"}, "run", "--rootfs", home.rootfs, "--", "no-such-program")
}

// `-v .` is the working directory, at its own path.
func TestByHandHere(t *testing.T) {
	needRoost(t)
	dir := tempDir(t)
	os.WriteFile(dir+"/file", []byte("here\n"), 0o644)
	cmd := command(t, "run", "-v", ".", "--", "/bin/sh", "-c", "pwd; cat file; echo made >made")
	cmd.Dir = dir
	if r := finish(t, cmd); r.Stdout != dir+"\nhere\n" {
		t.Error(r)
	}
	if raw, _ := os.ReadFile(dir + "/made"); string(raw) != "made\n" {
		t.Errorf("what was written there is %q", raw)
	}
}

func TestByHandUser(t *testing.T) {
	needRoost(t)
	needSubIDs(t)
	for user, want := range map[string]string{"0": "0:0", "alice": "1000:1000", "1000:29": "1000:29"} {
		if r := roost(t, "run", "--rootfs", home.rootfs, "-u", user, "--", "/bin/sh", "-c", "echo $(id -u):$(id -g)"); strings.TrimSpace(r.Stdout) != want {
			t.Errorf("-u %s: %v", user, r)
		}
	}
	refuse(t, []string{"nobody-here"}, "run", "--rootfs", home.rootfs, "-u", "nobody-here", "--", "true")
}

func TestByHandJoins(t *testing.T) {
	needRoost(t)
	must(t, "run", "-d", "--rootfs", home.rootfs, "--name", "first", "--", "sleep", "4711")
	t.Cleanup(func() { roost(t, "delete", "--force", "first") })
	if r := roost(t, "run", "--rootfs", home.rootfs, "--pid", "container:first", "--userns", "container:first", "--", "/bin/sh", "-c", "tr '\\0' ' ' </proc/1/cmdline"); strings.TrimSpace(r.Stdout) != "sleep 4711" {
		t.Errorf("--pid container:first: %v", r)
	}
	refuse(t, []string{"no-such"}, "run", "--rootfs", home.rootfs, "--pid", "container:no-such", "--", "true")
	must(t, "delete", "--force", "first")
}

// --init: a first process that reaps orphans, forwards signals, and hands the status on.
func TestByHandInit(t *testing.T) {
	needRoost(t)
	run := func(script string) result {
		return roost(t, "run", "--init", "--rootfs", home.rootfs, "--", "/bin/sh", "-c", script)
	}
	if r := run("exit 5"); r.Code != 5 {
		t.Error(r)
	}
	if r := run("[ $$ != 1 ] && kill -TERM $$"); r.Code != 143 {
		t.Errorf("a payload that a signal ended: %v", r)
	}
	if r := run("(sh -c 'true &'; true); sleep 0.2; grep -l 'State:.Z' /proc/[0-9]*/status | wc -l"); strings.TrimSpace(r.Stdout) != "0" {
		t.Errorf("zombies are left to themselves: %v", r)
	}
	dir := tempDir(t)
	cmd := command(t, "run", "--init", "--rootfs", home.rootfs, "-v", dir+":/mnt", "--", "/bin/sh", "-c", "trap 'exit 6' TERM; echo up >/mnt/up; while :; do sleep 0.1; done")
	collect := capture(t, cmd)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the payload is up", func() bool { return exists(dir + "/up") })
	cmd.Process.Signal(syscall.SIGTERM)
	if r := collect(); r.Code != 6 {
		t.Errorf("signals through --init: %v", r)
	}
}

func TestByHandTerminal(t *testing.T) {
	needRoost(t)
	s := newScreen(t, 25, 90)
	wait := s.runs(t, command(t, "run", "-it", "--rootfs", home.rootfs, "--", "/bin/sh", "-c", "tty; stty size; exit 2"))
	if r := wait(); r.Code != 2 {
		t.Errorf("%v: %s", r, s.text())
	}
	s.shows(t, "25 90\n")
}

// There is no registry in roost; somebody who thinks so is told where root file systems come from.
func TestByHandImage(t *testing.T) {
	needRoost(t)
	for _, image := range []string{"docker.io/library/alpine", "alpine:3.20", "quay.io/podman/stable@sha256:" + strings.Repeat("0", 64), "ghcr.io/a/b:c"} {
		r := refuse(t, []string{"skopeo", "umoci", "debootstrap"}, "run", image)
		if strings.Contains(r.Stderr, "invalid container ID") {
			t.Errorf("%s: the wrong problem: %v", image, r)
		}
		refuse(t, []string{"skopeo"}, "run", image, "sh")
	}
}

// `roost spec` with the same flags prints what `roost run` would run.
func TestByHandSpec(t *testing.T) {
	needRoost(t)
	dir := tempDir(t)
	flags := []string{"--rootfs", home.rootfs, "-e", "A=b", "-w", "/etc", "--hostname", "from-flags", "-v", dir + ":/mnt:ro", "--", "/bin/sh", "-c", "echo $A; pwd; hostname; touch /mnt/x 2>/dev/null || echo fixed"}
	r := must(t, append([]string{"spec"}, flags...)...)
	text := r.Stdout
	if strings.TrimSpace(text) == "" { // written to the working directory, as `spec` alone does
		raw, err := os.ReadFile(filepath.Join(home.dir, "config.json"))
		if err != nil {
			t.Fatal(err)
		}
		defer os.Remove(filepath.Join(home.dir, "config.json"))
		text = string(raw)
	}
	var s specs.Spec
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	bundle := tempDir(t)
	writeConfig(t, bundle, &s)
	direct := roost(t, append([]string{"run"}, flags...)...)
	through := roost(t, "run", "--bundle", bundle, newID(t))
	if direct.Stdout != "b\n/etc\nfrom-flags\nfixed\n" || through.Stdout != direct.Stdout {
		t.Errorf("directly: %v\nthrough a bundle: %v", direct, through)
	}
}

// The root of a user namespace may do with sub-id files what their owner may: that is what unshare is for.
func TestUnshare(t *testing.T) {
	needRoost(t)
	if r := must(t, "unshare", "--", "/bin/sh", "-c", "id -u"); r.Stdout != "0\n" {
		t.Error(r)
	}
	if r := roost(t, "unshare", "--", "/bin/sh", "-c", "exit 12"); r.Code != 12 {
		t.Error(r)
	}
	if isRoot() {
		return
	}
	needSubIDs(t)
	dir := filepath.Join(tempDir(t), "tree")
	must(t, "unshare", "--", "/bin/sh", "-c", "mkdir -m 0700 "+dir+" && touch "+dir+"/f && chown -R 5:5 "+dir)
	if err := os.RemoveAll(dir); err == nil {
		t.Errorf("files of a sub-id were removed without unshare; were they one?")
	}
	must(t, "unshare", "--", "rm", "-rf", dir)
	if exists(dir) {
		t.Errorf("still there")
	}
}

// `spec --rootless` writes maps that tools append to: 0 is the caller.
func TestSpecRootless(t *testing.T) {
	needRoost(t)
	needUser(t)
	dir := tempDir(t)
	must(t, "spec", "--rootless", "--bundle", dir)
	raw, err := os.ReadFile(dir + "/config.json")
	if err != nil {
		t.Fatal(err)
	}
	var s specs.Spec
	if err := json.Unmarshal(raw, &s); err != nil {
		t.Fatal(err)
	}
	want := specs.LinuxIDMapping{ContainerID: 0, HostID: uint32(os.Getuid()), Size: 1}
	if len(s.Linux.UIDMappings) != 1 || s.Linux.UIDMappings[0] != want {
		t.Errorf("uid mappings: %+v", s.Linux.UIDMappings)
	}
	want.HostID = uint32(os.Getgid())
	if len(s.Linux.GIDMappings) != 1 || s.Linux.GIDMappings[0] != want {
		t.Errorf("gid mappings: %+v", s.Linux.GIDMappings)
	}
	refuse(t, []string{"config.json"}, "spec", "--rootless", "--bundle", dir) // never overwrites
}

// explain says what would happen, and does nothing.
func TestExplain(t *testing.T) {
	needRoost(t)
	bundle := newBundle(t, with(sh("echo never"), bind("/etc", "/mnt", "ro")))
	text := must(t, "explain", bundle).Stdout
	for _, word := range []string{"/mnt", "/proc", "pid"} {
		if !strings.Contains(text, word) {
			t.Errorf("explain says nothing of %s:\n%s", word, text)
		}
	}
	if r := must(t, "explain", "--json", bundle); !json.Valid([]byte(r.Stdout)) {
		t.Errorf("explain --json: %s", r.Stdout)
	}
	if r := must(t, "explain", "--syscalls", bundle); !strings.Contains(r.Stdout, "execve") {
		t.Errorf("explain --syscalls: %s", r.Stdout)
	}
	if len(containers(stateRoot(t))) > 0 {
		t.Errorf("explain created something")
	}
}
