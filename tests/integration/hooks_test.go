package integration

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// hookNames are all kinds, in the order in which they run.
var hookNames = []string{"prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"}

// witness is a script for the busybox that hosts and containers have at the same path: it notes down what a hook can see.
const witness = `B=/bin/busybox; exec 3>>$DIR/$NAME
echo "state $($B cat)" >&3; echo "cwd $($B pwd)" >&3; echo "umask $(umask)" >&3; echo "nofile $(ulimit -n)" >&3; echo "arg $*" >&3
$B env | $B sed 's/^/env /' >&3
for n in pid net mnt uts user; do echo "ns $($B readlink /proc/self/ns/$n)" >&3; done
$B grep -E '^(Uid|CapEff|NoNewPrivs|SigBlk|SigIgn):' /proc/self/status >&3
exec 3>&-; $B ls -l /proc/self/fd 2>/dev/null | $B sed 's/^/fd /' >$DIR/.fds; $B cat $DIR/.fds >>$DIR/$NAME; $B rm $DIR/.fds
echo $NAME >>$DIR/order; $B chmod 666 $DIR/order 2>/dev/null || true`

// findings are what one hook saw.
type findings map[string][]string

func (f findings) one(key string) string { return strings.Join(f[key], "\n") }

// watched gives a container hooks of all kinds that look around. dir is where they write, on the host.
func watched(t testing.TB, dir string) func(*specs.Spec) {
	t.Helper()
	if _, err := os.Stat("/bin/busybox"); err != nil {
		missing(t, "busybox", "no /bin/busybox; install busybox-static")
	}
	hook := func(dir, name string) specs.Hook {
		return specs.Hook{Path: "/bin/busybox", Args: []string{"sh", "-c", witness, name, "an argument"}, Env: []string{"DIR=" + dir, "NAME=" + name}}
	}
	return with(bind(dir, "/mnt"), func(s *specs.Spec) {
		s.Annotations = map[string]string{"com.example.key": "a \"value\"\n"}
		s.Hooks = &specs.Hooks{
			Prestart:        []specs.Hook{hook(dir, "prestart")},
			CreateRuntime:   []specs.Hook{hook(dir, "createRuntime"), hook(dir, "createRuntime2")},
			CreateContainer: []specs.Hook{hook(dir, "createContainer"), hook(dir, "createContainer2")},
			StartContainer:  []specs.Hook{hook("/mnt", "startContainer"), hook("/mnt", "startContainer2")},
			Poststart:       []specs.Hook{hook(dir, "poststart"), hook(dir, "poststart2")},
			Poststop:        []specs.Hook{hook(dir, "poststop"), hook(dir, "poststop2")},
		}
	})
}

// ran is what has run since the last time.
func ran(t testing.TB, dir string) string {
	t.Helper()
	raw, _ := os.ReadFile(filepath.Join(dir, "order"))
	os.Remove(filepath.Join(dir, "order"))
	return strings.Join(strings.Fields(string(raw)), " ")
}

func wantRan(t testing.TB, dir string, want ...string) {
	t.Helper()
	if got := ran(t, dir); got != strings.Join(want, " ") {
		t.Errorf("ran %q, want %q", got, want)
	}
}

// found reads what a hook noted, with the state that it got.
func found(t testing.TB, dir, name string) (findings, specs.State) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	f := make(findings)
	for line := range strings.Lines(string(raw)) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if name, kind, ok := strings.Cut(line, ":\t"); ok && !strings.Contains(name, " ") {
			key, value = name, strings.TrimSpace(kind)
		}
		f[key] = append(f[key], value)
	}
	var s specs.State
	if err := json.Unmarshal([]byte(f.one("state")), &s); err != nil {
		t.Fatalf("%s: %v: %s", name, err, f.one("state"))
	}
	return f, s
}

var (
	atCreate = []string{"prestart", "createRuntime", "createRuntime2", "createContainer", "createContainer2"}
	atStart  = []string{"startContainer", "startContainer2", "poststart", "poststart2"}
	atStop   = []string{"poststop", "poststop2"}
	always   = slices.Concat(atCreate, atStart, atStop)
)

// Every way of a container's life runs its hooks, each once, in their order, at their time.
func TestHookOrder(t *testing.T) {
	needRoost(t)
	dir := tempDir(t)
	bundle := newBundle(t, with(watched(t, dir), sh(sleeper)))
	quick := newBundle(t, with(watched(t, dir), sh("cat /mnt/order; exit 7")))
	id := newID(t)

	must(t, "create", "--bundle", bundle, id)
	wantRan(t, dir, atCreate...)
	must(t, "start", id)
	wantRan(t, dir, atStart...)
	must(t, "exec", id, "/bin/true")
	must(t, "state", id)
	must(t, "kill", id, "KILL")
	stopped(t, id)
	wantRan(t, dir)
	must(t, "delete", id)
	wantRan(t, dir, atStop...)
	must(t, "delete", "--force", id)
	wantRan(t, dir)

	before := strings.Join(slices.Concat(atCreate, atStart[:2]), "\n") + "\n" // and, as it may be, of those that come as it begins
	if r := roost(t, "run", "--bundle", quick, id); r.Code != 7 || !strings.HasPrefix(r.Stdout, before) {
		t.Errorf("what the process finds: %v", r)
	}
	wantRan(t, dir, always...)
	if r := roost(t, "run", "--init", "--bundle", quick, id); r.Code != 7 {
		t.Error(r)
	}
	wantRan(t, dir, always...)

	must(t, "create", "--bundle", bundle, id)
	must(t, "delete", "--force", id)
	wantRan(t, dir, slices.Concat(atCreate, atStop)...)

	must(t, "run", "-d", "--bundle", bundle, id)
	wantRan(t, dir, slices.Concat(atCreate, atStart)...)
	must(t, "kill", id, "KILL")
	stopped(t, id)
	must(t, "run", "-d", "--replace", "--bundle", bundle, id)
	wantRan(t, dir, slices.Concat(atStop, atCreate, atStart)...)
	must(t, "delete", "--force", id)
	wantRan(t, dir, atStop...)

	if r := roost(t, "run", "--keep", "--bundle", quick, id); r.Code != 7 {
		t.Error(r)
	}
	wantRan(t, dir, slices.Concat(atCreate, atStart)...)
	must(t, "delete", id)
	wantRan(t, dir, atStop...)

	s := newScreen(t, 24, 80)
	wait := s.runs(t, command(t, "run", "--bundle", newBundle(t, with(watched(t, dir), terminal, sh("tty; exit 8"))), id))
	s.shows(t, "/dev/pts/0\n")
	if r := wait(); r.Code != 8 {
		t.Error(r)
	}
	wantRan(t, dir, always...)
}

// What gc clears away has its last hooks run, once.
func TestHooksAfterACrash(t *testing.T) {
	needRoost(t)
	dir := tempDir(t)
	bundle, id := newBundle(t, with(watched(t, dir), sh(sleeper))), newID(t)
	cmd := command(t, "run", "--bundle", bundle, id)
	collect := capture(t, cmd)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it runs", func() bool {
		raw, _ := os.ReadFile(filepath.Join(dir, "order"))
		return strings.HasSuffix(string(raw), "poststart2\n")
	})
	cmd.Process.Kill()
	collect()
	ran(t, dir)
	if r := must(t, "gc"); strings.TrimSpace(r.Stdout) != id {
		t.Error(r)
	}
	wantRan(t, dir, atStop...)
	must(t, "gc")
	must(t, "delete", "--force", id)
	wantRan(t, dir)
}

// What each hook gets: state, directory, environment, arguments, streams.
func TestHookSurroundings(t *testing.T) {
	needRoost(t)
	dir := tempDir(t)
	bundle, id := newBundle(t, with(watched(t, dir), sh(sleeper), func(s *specs.Spec) {
		s.Process.Cwd = "/home/alice"
		s.Process.Rlimits = []specs.POSIXRlimit{{Type: "RLIMIT_NOFILE", Soft: 123, Hard: 456}}
	}, ownNetwork)), newID(t)
	cmd := exec.Command("/bin/sh", "-c", `umask 027; ulimit -Sn 321; export SECRET=x; exec "$@"`, "sh", home.roost, "--root", stateRoot(t), "create", "--bundle", bundle, id)
	cmd.Dir = home.dir
	inherit(t, cmd, 4) // what callers leave open
	if r := finish(t, cmd); r.Code != 0 {
		t.Fatal(r)
	}
	created := state(t, id)
	must(t, "start", id)
	must(t, "delete", "--force", id)
	ran(t, dir)
	for _, h := range []struct {
		name, status string
		pid          int
		cwd, nofile  string
		inside       bool
	}{
		{"prestart", "creating", created.Pid, bundle, "321", false},
		{"createRuntime", "creating", created.Pid, bundle, "321", false},
		{"createContainer", "creating", 1, home.rootfs, "123", true},
		{"startContainer", "created", 1, "/home/alice", "123", true},
		{"poststart", "running", created.Pid, bundle, "", false},
		{"poststop", "stopped", 0, bundle, "", false},
	} {
		f, s := found(t, dir, h.name)
		if string(s.Status) != h.status || s.Pid != h.pid || s.ID != id || s.Bundle != bundle || s.Version != "1.3.0" || s.Annotations["com.example.key"] != "a \"value\"\n" {
			t.Errorf("%s: state %+v", h.name, s)
		}
		if f.one("cwd") != h.cwd {
			t.Errorf("%s: in %s, not %s", h.name, f.one("cwd"), h.cwd)
		}
		if f.one("arg") != "an argument" {
			t.Errorf("%s: arguments %q", h.name, f["arg"])
		}
		f["env"] = slices.DeleteFunc(f["env"], func(e string) bool { return e == "PATH=/sbin:/usr/sbin:/bin:/usr/bin" })
		for _, e := range f["env"] { // the shell adds some of its own
			if name, _, _ := strings.Cut(e, "="); !slices.Contains([]string{"DIR", "NAME", "PWD", "OLDPWD", "SHLVL", "_"}, name) {
				t.Errorf("%s: %s in its environment", h.name, e)
			}
		}
		for _, line := range f["fd"] {
			w := strings.Fields(line)
			if len(w) < 3 || w[len(w)-2] != "->" {
				continue
			}
			if to := w[len(w)-1]; !slices.Contains([]string{"0", "1", "2"}, w[len(w)-3]) && !strings.HasPrefix(to, "/proc/") {
				t.Errorf("%s: has %s open", h.name, line)
			}
		}
		if h.nofile != "" && f.one("nofile") != h.nofile {
			t.Errorf("%s: may open %s files, not %s", h.name, f.one("nofile"), h.nofile)
		}
		if want := map[bool]string{false: "0027", true: "0022"}[h.name == "startContainer"]; h.cwd == bundle && h.pid == created.Pid && h.name != "poststart" || h.inside {
			if f.one("umask") != want {
				t.Errorf("%s: umask %s, not %s", h.name, f.one("umask"), want)
			}
		}
		if strings.Trim(f.one("SigBlk"), "0") != "" {
			t.Errorf("%s: signals blocked: %s", h.name, f.one("SigBlk"))
		}
		for _, ns := range f["ns"] {
			kind, _, _ := strings.Cut(ns, ":")
			if same := ns == hostNS(t, kind); same == h.inside && (kind != "user" || !isRoot()) {
				t.Errorf("%s: %s, the host's is %s", h.name, ns, hostNS(t, kind))
			}
		}
	}
	if a, _ := found(t, dir, "createContainer"); true {
		if b, _ := found(t, dir, "startContainer"); !slices.Equal(a["ns"], b["ns"]) {
			t.Errorf("%v and %v", a["ns"], b["ns"])
		}
	}
}

// Hooks of startContainer are what the process is; those before are root of the container, with all that it may have.
func TestHookIdentity(t *testing.T) {
	needRoost(t)
	needSubIDs(t)
	dir := tempDir(t)
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	got := output(t, "grep -E '^(Uid|CapEff|NoNewPrivs):' /proc/self/status", manyIDs(t), watched(t, dir), func(s *specs.Spec) {
		s.Process.User = specs.User{UID: 1000, GID: 1000}
		caps := []string{"CAP_KILL", "CAP_NET_BIND_SERVICE"}
		s.Process.Capabilities = &specs.LinuxCapabilities{Bounding: caps, Permitted: caps, Effective: caps, Inheritable: caps, Ambient: caps}
	})
	f, _ := found(t, dir, "startContainer")
	for line := range strings.Lines(got) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":\t")
		if f.one(name) != value {
			t.Errorf("%s is %q, for the process %q", name, f.one(name), value)
		}
	}
	before, _ := found(t, dir, "createContainer")
	if caps, err := strconv.ParseUint(before.one("CapEff"), 16, 64); err != nil || caps&(1<<21) == 0 { // CAP_SYS_ADMIN
		t.Errorf("capabilities of createContainer: %s, %v", before.one("CapEff"), err)
	}
}

// A container without a pid namespace of its own: hooks in it are told the pid that they can see.
func TestHookPidShared(t *testing.T) {
	needRoost(t)
	dir := tempDir(t)
	id := start(t, with(watched(t, dir), dropNamespace(specs.PIDNamespace), hostProc, sh(sleeper)))
	pid := state(t, id).Pid
	for _, name := range []string{"createRuntime", "createContainer", "startContainer", "poststart"} {
		if _, s := found(t, dir, name); s.Pid != pid {
			t.Errorf("%s: pid %d, not %d", name, s.Pid, pid)
		}
	}
	other := filepath.Join(dir, "other")
	if err := os.Mkdir(other, 0o755); err != nil {
		t.Fatal(err)
	}
	own := start(t, sh(sleeper))
	joined := start(t, with(watched(t, other), sh(sleeper), func(s *specs.Spec) {
		if !isRoot() {
			namespace(specs.UserNamespace, fmt.Sprintf("/proc/%d/ns/user", state(t, own).Pid))(s)
			s.Linux.UIDMappings, s.Linux.GIDMappings = nil, nil
		}
		namespace(specs.PIDNamespace, fmt.Sprintf("/proc/%d/ns/pid", state(t, own).Pid))(s)
	}))
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", state(t, joined).Pid))
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(status), "NSpid:")
	pids := strings.Fields(strings.Split(list, "\n")[0])
	for _, name := range []string{"createContainer", "startContainer"} {
		if _, s := found(t, other, name); strconv.Itoa(s.Pid) != pids[len(pids)-1] || s.Pid == 1 {
			t.Errorf("%s in a pid namespace that was joined: pid %d of %v", name, s.Pid, pids)
		}
	}
	must(t, "delete", "--force", joined)
	must(t, "delete", "--force", own)
	must(t, "delete", "--force", id)
}

// An ordinary user's network helper enters the namespaces of the container from a hook, and what it does there is there.
func TestHookEntersNamespaces(t *testing.T) {
	nsenter, err := exec.LookPath("nsenter")
	if err != nil {
		t.Skip("nsenter is missing: install util-linux")
	}
	script := `pid=$(sed 's/.*"pid":\([0-9]*\).*/\1/'); ` + nsenter + ` -t $pid -U -n --preserve-credentials /bin/busybox ip addr add 10.20.30.40/32 dev lo`
	if isRoot() {
		script = strings.Replace(script, "-U -n --preserve-credentials", "-n", 1)
	}
	for _, kind := range []string{"prestart", "createRuntime"} {
		hooks := &specs.Hooks{}
		list := []specs.Hook{{Path: "/bin/sh", Args: []string{"sh", "-c", script}, Env: []string{"PATH=/bin:/usr/bin"}}}
		if kind == "prestart" {
			hooks.Prestart = list //nolint:staticcheck // deprecated, and in use
		} else {
			hooks.CreateRuntime = list
		}
		changes := []func(*specs.Spec){ownNetwork, func(s *specs.Spec) { s.Hooks = hooks }}
		if _, _, ok := subIDs(); ok && !isRoot() {
			changes = append(changes, manyIDs(t))
		}
		if got := output(t, "ip addr show lo", changes...); !strings.Contains(got, "10.20.30.40") {
			t.Errorf("%s: %s", kind, got)
		}
	}
}

// Nobody of the container can look into the process that becomes its first one: not even when it was open for hooks.
func TestHookLeavesNothingOpen(t *testing.T) {
	needRoost(t)
	id := newID(t)
	must(t, "create", "--bundle", newBundle(t, func(s *specs.Spec) { s.Hooks = &specs.Hooks{CreateRuntime: []specs.Hook{{Path: "/bin/true"}}} }), id)
	pid := state(t, id).Pid
	if _, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid)); err == nil && !isRoot() {
		t.Error("its memory can be read by its owner")
	}
	if info, err := os.Stat(fmt.Sprintf("/proc/%d/mem", pid)); err != nil || info.Sys().(*syscall.Stat_t).Uid != 0 {
		t.Errorf("dumpable: %v", err)
	}
	must(t, "delete", "--force", id)
}

// A hook may use the runtime on its own container.
func TestHookUsesRoost(t *testing.T) {
	needRoost(t)
	dir := tempDir(t)
	status := func(name string) []specs.Hook {
		script := fmt.Sprintf(`%s --root %s state "$1" | sed -n 's/.*"status": "\(.*\)".*/\1/p' >%s/%s`, home.roost, stateRoot(t), dir, name)
		return []specs.Hook{{Path: "/bin/sh", Args: []string{"sh", "-c", script, "sh", "hooked"}, Env: []string{"PATH=/bin:/usr/bin"}}}
	}
	t.Cleanup(func() { roost(t, "delete", "--force", "hooked") })
	inContainer := specs.Hook{Path: "/bin/sh", Args: []string{"sh", "-c", "echo >/mnt/waiting; while [ ! -e /mnt/go ]; do sleep 0.01; done"}}
	use := fmt.Sprintf(`%s --root %s exec hooked /bin/sh -c 'echo inside' >%s/exec`, home.roost, stateRoot(t), dir)
	bundle := newBundle(t, with(sh(sleeper), bind(dir, "/mnt"), func(s *specs.Spec) {
		s.Hooks = &specs.Hooks{CreateRuntime: status("createRuntime"), CreateContainer: nil, Poststart: append(status("poststart"),
			specs.Hook{Path: "/bin/sh", Args: []string{"sh", "-c", use}, Env: []string{"PATH=/bin:/usr/bin"}}),
			StartContainer: []specs.Hook{inContainer}}
	}))
	must(t, "create", "--bundle", bundle, "hooked")
	cmd := command(t, "start", "hooked")
	collect := capture(t, cmd)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the hook waits", func() bool { return exists(dir + "/waiting") })
	wantStatus(t, "hooked", "created") // until the process is executed
	if err := os.WriteFile(dir+"/go", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if r := collect(); r.Code != 0 {
		t.Error(r)
	}
	for name, want := range map[string]string{"createRuntime": "creating", "poststart": "running", "exec": "inside"} {
		if raw, err := os.ReadFile(filepath.Join(dir, name)); err != nil || strings.TrimSpace(string(raw)) != want {
			t.Errorf("%s: %q, %v", name, raw, err)
		}
	}
	must(t, "delete", "--force", "hooked")
}

// Hooks may add to the container before its process is there, also where that will not be able to.
func TestHookChangesRoot(t *testing.T) {
	root := filepath.Join(tempDir(t), "rootfs")
	if err := makeRootfs(root); err != nil {
		t.Fatal(err)
	}
	got := output(t, "cat /added /mnt/mounted; touch /x 2>&1 || true", rootfs(root, true), func(s *specs.Spec) {
		s.Hooks = &specs.Hooks{CreateContainer: []specs.Hook{{Path: "/bin/sh", Env: []string{"PATH=/bin:/usr/bin:/sbin:/usr/sbin"}, Args: []string{"sh", "-ec",
			"echo added >added; mount -t tmpfs tmpfs mnt; echo mounted >mnt/mounted"}}}}
	})
	if !strings.HasPrefix(got, "added\nmounted\n") || !strings.Contains(got, "Read-only") {
		t.Error(got)
	}
}

func TestHooksAreExplained(t *testing.T) {
	needRoost(t)
	bundle := newBundle(t, watched(t, tempDir(t)))
	for _, flag := range []string{"--json", "--syscalls", "--bundle"} {
		argv := []string{"explain", flag, "--bundle", bundle}
		if flag == "--bundle" {
			argv = argv[:1:1]
			argv = append(argv, "--bundle", bundle)
		}
		r := must(t, argv...)
		for _, name := range hookNames {
			if flag == "--syscalls" && name != "createContainer" && name != "startContainer" {
				continue
			}
			if !strings.Contains(r.Stdout, "hooks."+name+"[0]") {
				t.Errorf("%v: no %s: %s", argv, name, r.Stdout)
			}
		}
	}
	var features struct{ Hooks []string }
	if err := json.Unmarshal([]byte(must(t, "features").Stdout), &features); err != nil || !slices.Equal(features.Hooks, hookNames) {
		t.Error(features, err)
	}
}
