package integration

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// inherit gives cmd directories of the host as 3 … 3+n-1, not close-on-exec: what a careless caller leaves open.
func inherit(t testing.TB, cmd *exec.Cmd, n int) {
	t.Helper()
	for range n {
		f, err := os.Open("/etc")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		cmd.ExtraFiles = append(cmd.ExtraFiles, f)
	}
}

// The shell waits for ls, and has nothing open for it; `true` keeps it from becoming ls itself.
const listFds = `ls -l /proc/1/fd; true`

// CVE-2024-21626: nothing but what was named reaches the payload, whatever the caller had open.
func TestDescriptorsOfRunning(t *testing.T) {
	id := newID(t)
	cmd := command(t, "run", "--bundle", newBundle(t, sh(listFds)), id)
	inherit(t, cmd, 50)
	r := finish(t, cmd)
	onlyStandard(t, "run", r)

	id = newID(t)
	cmd = command(t, "create", "--bundle", newBundle(t, sh(sleeper)), id)
	inherit(t, cmd, 50)
	if r := finish(t, cmd); r.Code != 0 {
		t.Fatal(r)
	}
	cmd = command(t, "start", id)
	inherit(t, cmd, 50)
	if r := finish(t, cmd); r.Code != 0 {
		t.Fatal(r)
	}
	onlyStandard(t, "create and start", must(t, "exec", id, "/bin/sh", "-c", listFds))
	cmd = command(t, "exec", id, "/bin/sh", "-c", strings.Replace(listFds, "/proc/1/", "/proc/$$/", 1))
	inherit(t, cmd, 50)
	onlyStandard(t, "exec", finish(t, cmd))
	must(t, "delete", "--force", id)
}

// onlyStandard checks what `ls -l` says of a directory of descriptors.
func onlyStandard(t testing.TB, what string, r result) {
	t.Helper()
	if r.Code != 0 {
		t.Fatalf("%s: %v", what, r)
	}
	seen := 0
	for _, l := range lines(r.Stdout) {
		front, target, ok := strings.Cut(l, " -> ")
		if !ok {
			continue
		}
		seen++
		if fd := front[strings.LastIndexByte(front, ' ')+1:]; fd != "0" && fd != "1" && fd != "2" {
			t.Errorf("%s: the payload has %s -> %s", what, fd, target)
		}
	}
	if seen != 3 {
		t.Errorf("%s: %d descriptors: %v", what, seen, r)
	}
}

// While it is created, a container is a fork of the runtime: it must have let go of the caller's descriptors, and of
// every directory of the host.
func TestDescriptorsOfCreated(t *testing.T) {
	needRoost(t)
	needRoot(t) // an undumpable process shows its descriptors to nobody else
	id := newID(t)
	cmd := command(t, "create", "--bundle", newBundle(t, nil), id)
	inherit(t, cmd, 50)
	if r := finish(t, cmd); r.Code != 0 {
		t.Fatal(r)
	}
	dir := fmt.Sprintf("/proc/%d/fd", state(t, id).Pid)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		target, _ := os.Readlink(dir + "/" + e.Name())
		info, err := os.Stat(dir + "/" + e.Name())
		t.Logf("%s %s", e.Name(), target)
		if err == nil && info.IsDir() || target == "/etc" {
			t.Errorf("a created container has a directory open: %s", target)
		}
	}
	if len(entries) > 8 {
		t.Errorf("%d descriptors", len(entries))
	}
	must(t, "delete", "--force", id)
}

// A working directory named through a leaked descriptor would be outside.
func TestWorkingDirectoryThroughDescriptors(t *testing.T) {
	bundle := newBundle(t, nil)
	running := start(t, sh(sleeper))
	for fd := 3; fd < 24; fd++ {
		merge(t, bundle+"/config.json", fmt.Sprintf(`{"process":{"cwd":"/proc/self/fd/%d","args":["/bin/sh","-c","pwd; ls"]}}`, fd))
		cmd := command(t, "run", "--bundle", bundle, newID(t))
		inherit(t, cmd, 20)
		if r := finish(t, cmd); r.Code == 0 || strings.Contains(r.Stdout, "hostname") {
			t.Errorf("cwd fd/%d: %v", fd, r)
		}
		cmd = command(t, "exec", "--cwd", fmt.Sprintf("/proc/self/fd/%d", fd), running, "/bin/sh", "-c", "pwd; ls")
		inherit(t, cmd, 20)
		if r := finish(t, cmd); r.Code == 0 || strings.Contains(r.Stdout, "hostname") {
			t.Errorf("exec --cwd fd/%d: %v", fd, r)
		}
	}
	must(t, "delete", "--force", running)
}

// Until execve, a process of the container is an image of ours. Neighbours in the same pid namespace must read neither
// its arguments nor its environment nor its memory: host paths and secrets are in there.
func TestImageIsUnreadable(t *testing.T) {
	needRoost(t)
	const secret = "s3cret-of-the-host"
	dir := tempDir(t)
	watcher := start(t, with(sh(`echo up >/out/up
while [ ! -e /out/stop ]; do
	for p in /proc/[0-9]*; do
		[ $p = /proc/1 ] || [ $p = /proc/$$ ] || { tr '\0' ' ' <$p/cmdline; tr '\0' ' ' <$p/environ; cat $p/maps; readlink $p/cwd $p/exe $p/root; ls -l $p/fd; }
	done >>/out/seen 2>/dev/null
done; echo gone >/out/gone; `+sleeper), bind(dir, "/out")))
	eventually(t, "the watcher is up", func() bool { return exists(dir + "/up") })
	pid := state(t, watcher).Pid
	neighbour := newBundle(t, with(namespace(specs.PIDNamespace, fmt.Sprintf("/proc/%d/ns/pid", pid)), func(s *specs.Spec) {
		if !isRoot() {
			namespace(specs.UserNamespace, fmt.Sprintf("/proc/%d/ns/user", pid))(s)
			s.Linux.UIDMappings, s.Linux.GIDMappings = nil, nil
		}
	}))
	for range 30 {
		cmd := command(t, "exec", watcher, "/bin/true")
		cmd.Env = append(os.Environ(), "HOST_SECRET="+secret)
		if r := finish(t, cmd); r.Code != 0 {
			t.Fatal(r)
		}
		cmd = command(t, "run", "--bundle", neighbour, newID(t))
		cmd.Env = append(os.Environ(), "HOST_SECRET="+secret)
		if r := finish(t, cmd); r.Code != 0 {
			t.Fatal(r)
		}
	}
	// A created one stays such an image for as long as it likes.
	created := newID(t)
	cmd := command(t, "create", "--bundle", neighbour, created)
	cmd.Env = append(os.Environ(), "HOST_SECRET="+secret)
	if r := finish(t, cmd); r.Code != 0 {
		t.Fatal(r)
	}
	look := must(t, "exec", watcher, "/bin/sh", "-c", `for p in /proc/[0-9]*; do
	[ "$(cat $p/comm)" = "roost: [init]" ] || continue
	echo found; tr '\0' ' ' <$p/cmdline; cat $p/environ && echo environ; cat $p/maps && echo maps
	dd if=$p/mem bs=1 count=1 && echo mem; ls $p/fd && echo fd; readlink $p/exe && echo exe
done 2>/dev/null; true`)
	if got := strings.TrimSpace(look.Stdout); !strings.HasPrefix(got, "found") || strings.Contains(got, home.dir) ||
		strings.Contains(got, "environ") || strings.Contains(got, "maps") || strings.Contains(got, "mem") || strings.Contains(got, "fd\n") || strings.Contains(got, "exe") {
		t.Errorf("of a created container its neighbour sees %q", got)
	}
	os.WriteFile(dir+"/stop", nil, 0o644)
	eventually(t, "the watcher is done", func() bool { return exists(dir + "/gone") })
	raw, err := os.ReadFile(dir + "/seen")
	if err != nil || len(raw) == 0 {
		t.Fatalf("the watcher saw nothing: %v", err)
	}
	for _, word := range []string{secret, home.roost, "config.json", neighbour, stateRoot(t)} {
		if strings.Contains(string(raw), word) {
			t.Errorf("a process in the container read %q of ours", word)
		}
	}
	must(t, "delete", "--force", created)
	must(t, "delete", "--force", watcher)
}

// CVE-2019-5736: a payload that writes to the image of whoever enters must not reach the file on the host, not even
// where the caller may write it (a binary in ~/bin).
func TestBinaryIsNotOverwritten(t *testing.T) {
	needRoost(t)
	dir := tempDir(t)
	own := filepath.Join(dir, "roost")
	if err := copyFile(home.roost, own, 0o755); err != nil {
		t.Fatal(err)
	}
	before := sum(t, own)
	keep := home.roost
	home.roost = own
	defer func() { home.roost = keep }()

	id := start(t, sh(`while :; do for p in /proc/[0-9]*; do [ $p = /proc/1 ] || echo pwned >>$p/exe; done 2>/dev/null; done`))
	for range 50 {
		roost(t, "exec", id, "/proc/self/exe", "--version")
		roost(t, "exec", id, "/bin/true")
	}
	must(t, "delete", "--force", id)

	root := ownRootfs(t)
	os.WriteFile(root+"/bin/shebang", []byte("#!/proc/self/exe\n"), 0o755)
	os.Symlink("/proc/self/exe", root+"/bin/link")
	for _, argv := range [][]string{{"/proc/self/exe", "run"}, {"/bin/shebang"}, {"/bin/link"}} {
		r := runOnce(t, with(args(argv...), rootfs(root, true)))
		t.Logf("%v: exit %d", argv, r.Code)
	}
	if after := sum(t, own); after != before {
		t.Errorf("the runtime's binary was changed from inside a container")
	}
}

func sum(t testing.TB, path string) [32]byte {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return sha256.Sum256(raw)
}
