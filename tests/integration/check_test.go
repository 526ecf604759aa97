package integration

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// checked is what `check --json` says; see docs/check.md.
type checked struct {
	Version int
	State   string
	Items   []checkedItem
}

type checkedItem struct {
	ID, State, Summary, Remedy, Who, Path, Kind, Policy string
	Evidence                                            []struct{ Source, Says string }
}

// item is the first with this id; it has to be there.
func (c checked) item(t testing.TB, id string) checkedItem {
	t.Helper()
	for _, i := range c.Items {
		if i.ID == id {
			return i
		}
	}
	t.Errorf("no item %s", id)
	return checkedItem{}
}

func (c checked) want(t testing.TB, id, state string, words ...string) {
	t.Helper()
	i := c.item(t, id)
	raw, _ := json.Marshal(i)
	if i.State != state {
		t.Errorf("%s is %s, want %s: %s", id, i.State, state, raw)
	}
	for _, w := range words {
		if !strings.Contains(string(raw), w) {
			t.Errorf("%s has no %q: %s", id, w, raw)
		}
	}
}

// readCheck decodes a report, and holds what is promised of every one.
func readCheck(t testing.TB, r result) checked {
	t.Helper()
	var c checked
	d := json.NewDecoder(strings.NewReader(r.Stdout))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil || d.More() || r.Stderr != "" {
		t.Fatalf("not one object and nothing else: %v: %v", err, r)
	}
	worst, severity := 0, []string{"ok", "note", "warning", "error"}
	for _, i := range c.Items {
		n := slices.Index(severity, i.State)
		if n < 0 || i.ID == "" || i.Summary == "" || (i.Remedy == "") != (i.Who == "") {
			t.Errorf("not a whole item: %+v", i)
		}
		worst = max(worst, n)
	}
	if c.Version != 1 || c.State != severity[worst] || r.Code != []int{0, 0, 2, 3}[worst] {
		t.Errorf("version %d, state %s, exit %d; the worst item is %s", c.Version, c.State, r.Code, severity[worst])
	}
	return c
}

// Whatever this machine is, what these tests need of it is found to work, and nothing is left behind.
func TestCheck(t *testing.T) {
	needRoost(t)
	root := filepath.Join(tempDir(t), "state")
	before := mountpoints()
	c := readCheck(t, bare(t, os.Environ(), "--root", root, "check", "--json"))
	c.want(t, "userns.others", "ok")
	c.want(t, "state.root", "ok", root, "--root")
	c.want(t, "kernel.clone3", "ok")
	c.want(t, "ids.map", "ok")
	c.want(t, "mounts.proc", "ok")
	if isRoot() {
		c.want(t, "caller.privilege", "ok", "uid 0")
	} else {
		c.want(t, "ids.helpers", "ok")
		c.want(t, "ids.subids", "ok", "/etc/subuid")
	}
	if exists(root) || mountpoints() != before {
		t.Errorf("left %s, or a mount: %s", root, mountpoints())
	}
}

func TestCheckText(t *testing.T) {
	needRoost(t)
	r := roost(t, "check")
	verbose := roost(t, "check", "--verbose")
	if r.Code == 1 || verbose.Code != r.Code || r.Stderr != "" || len(lines(verbose.Stdout)) <= len(lines(r.Stdout)) {
		t.Errorf("%v\n%v", r, verbose)
	}
	for _, part := range []string{"who you are\n", "ok       ", "clone3, openat2"} {
		if !strings.Contains(r.Stdout, part) {
			t.Errorf("no %q: %v", part, r)
		}
	}
	if strings.Contains(r.Stdout, "\x1b") {
		t.Error("colours, and no terminal")
	}
	for _, line := range lines(r.Stdout) {
		// What cannot be broken may be longer: paths, and the lines to be copied.
		if utf8.RuneCountInString(line) > 80 && len(strings.Fields(line)) > 3 && !strings.HasPrefix(line, "               ") {
			t.Errorf("longer than a line: %s", line)
		}
	}
	for _, wrong := range [][]string{{"check", "--nope"}, {"check", "a", "b"}} {
		if r := roost(t, wrong...); r.Code != 1 {
			t.Errorf("%v: %v", wrong, r)
		}
	}
}

// su and sudo leave the variable of somebody else behind.
func TestCheckForeignRuntimeDir(t *testing.T) {
	needRoost(t)
	needUser(t)
	c := readCheck(t, bare(t, []string{"PATH=/usr/bin:/bin", "XDG_RUNTIME_DIR=/etc"}, "check", "--json"))
	c.want(t, "state.root", "error", "/etc belongs to user 0", "unset it")
	c = readCheck(t, bare(t, nil, "check", "--json"))
	if i := c.item(t, "state.root"); i.State == "error" {
		t.Errorf("%+v", i)
	}
}

func TestCheckBundle(t *testing.T) {
	needRoost(t)
	plain := newBundle(t, func(s *specs.Spec) { s.Linux.Resources = nil })
	readCheck(t, roost(t, "check", "--json", plain)).want(t, "bundle.plan", "ok")

	wrong := newBundle(t, func(s *specs.Spec) { s.Process.Cwd = "relative" })
	readCheck(t, roost(t, "check", "--json", wrong)).want(t, "bundle.config", "error", "process.cwd")

	missing := tempDir(t) + "/missing"
	readCheck(t, roost(t, "check", "--json", missing)).want(t, "bundle.config", "error", missing)

	// A profile that no security module knows is refused on every machine, unless the policy is another.
	label := newBundle(t, func(s *specs.Spec) { s.Process.ApparmorProfile = "no-such-profile" })
	if i := readCheck(t, roost(t, "check", "--json", label)).item(t, "bundle.refused"); i.Path != "process.apparmorProfile" || i.Kind != "label" || i.Policy != "deny" {
		t.Errorf("%+v", i)
	}
	if i := readCheck(t, roost(t, "check", "--json", "--degrade", "label=ignore", label)).item(t, "bundle.given-up"); i.State != "note" || i.Kind != "label" || i.Policy != "ignore" {
		t.Errorf("%+v", i)
	}
	if !isRoot() {
		sysfs := newBundle(t, func(s *specs.Spec) {
			s.Linux.Namespaces = slices.DeleteFunc(s.Linux.Namespaces, func(n specs.LinuxNamespace) bool { return n.Type == specs.NetworkNamespace })
			s.Mounts = append(s.Mounts, specs.Mount{Destination: "/sys", Type: "sysfs", Source: "sysfs"})
		})
		readCheck(t, roost(t, "check", "--json", sysfs)).want(t, "bundle.given-up", "note", "sysfs", "network namespace")
	}
}

// Inside a container of roost's own: one id, a masked proc, a cgroup that cannot be written, no state directory of a session.
func TestCheckInContainer(t *testing.T) {
	needRoost(t)
	r := runOnce(t, with(withRoost, args("/roost", "check", "--json"), func(s *specs.Spec) {
		s.Process.Env = []string{"PATH=/bin", "XDG_RUNTIME_DIR=/nowhere", "container=roost"}
	}))
	c := readCheck(t, r)
	c.want(t, "caller.container", "note", "container")
	if isRoot() {
		c.want(t, "state.root", "error", "/run/roost", "read-only file system")
	} else {
		c.want(t, "state.root", "error", "/nowhere is not there")
	}
	if i := c.item(t, "mounts.proc"); i.State == "ok" {
		t.Errorf("the proc here is masked: %+v", i)
	}
	c.want(t, "tools.roost-seccomp", "warning")
}

// Nor does it need /proc/sys, or any /proc at all.
func TestCheckWithoutProc(t *testing.T) {
	needRoost(t)
	for _, hide := range [][]string{{"/proc/sys"}, {"/proc"}} {
		r := runOnce(t, with(withRoost, args("/roost", "check", "--json"), func(s *specs.Spec) { s.Linux.MaskedPaths = append(s.Linux.MaskedPaths, hide...) }))
		c := readCheck(t, r)
		if hide[0] == "/proc" {
			c.want(t, "caller.privilege", "error", "/proc")
			c.want(t, "state.program", "error", "/proc")
		} else {
			c.want(t, "caller.privilege", c.item(t, "caller.privilege").State, "uid 0")
		}
	}
}

// withRoost has the runtime under test in the container, as /roost.
func withRoost(s *specs.Spec) {
	s.Mounts = append(s.Mounts, specs.Mount{Destination: "/tmp", Type: "tmpfs", Source: "tmpfs"},
		specs.Mount{Destination: "/roost", Type: "bind", Source: home.roost, Options: []string{"bind", "ro"}})
}

// With a systemd of one's own, from root's session scope: who answers, and what limits there are, by the very files.
func TestCheckOnSystemd(t *testing.T) {
	needRoost(t)
	needBus(t)
	c := readCheck(t, roost(t, "check", "--json"))
	c.want(t, "cgroup.bus", "ok", "systemd ", "answers at")
	c.want(t, "cgroup.delegated", "ok", "/proc/self/cgroup")
	for _, without := range []string{"DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR"} {
		env := slices.DeleteFunc(os.Environ(), func(v string) bool {
			return strings.HasPrefix(v, without+"=") || strings.HasPrefix(v, "DBUS_SESSION_BUS_ADDRESS=")
		})
		readCheck(t, bare(t, env, "check", "--json")).want(t, "cgroup.bus", "ok", "answers at")
	}
	if isRoot() {
		return
	}
	// su and a Slurm-like job: no bus of one's own to be found, and a cgroup that is root's.
	c = readCheck(t, bare(t, []string{"PATH=/usr/bin:/bin", "XDG_RUNTIME_DIR=" + privateDir(t), "SLURM_JOB_ID=17"}, "check", "--json"))
	c.want(t, "caller.job", "note", "$SLURM_JOB_ID", "17")
}

// In a service: its own limits hold, unless it says that its cgroup may be divided.
func TestCheckInService(t *testing.T) {
	needBus(t)
	check := func(properties ...string) checked {
		args := []string{"--wait", "--pipe", "--quiet", "--collect"}
		if !isRoot() {
			args = append(args, "--user")
		}
		cmd := exec.Command("systemd-run", slices.Concat(args, properties, []string{home.roost, "check", "--json"})...)
		return readCheck(t, finish(t, cmd))
	}
	owner := "user"
	if isRoot() {
		owner = "administrator"
	}
	c := check()
	c.want(t, "cgroup.delegated", "warning", "Delegate=yes", "[Service]", ".service")
	if who := c.item(t, "cgroup.delegated").Who; who != owner {
		t.Errorf("%s has to mend it, want %s", who, owner)
	}
	c = check("-p", "Delegate=yes")
	c.want(t, "cgroup.delegated", "ok", "is delegated to you")
}

// What of the limits of a bundle can be had is what the user's systemd was given.
func TestCheckLimits(t *testing.T) {
	needBus(t)
	limit, pids := int64(64<<20), int64(100)
	bundle := newBundle(t, func(s *specs.Spec) {
		s.Linux.Resources = &specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: &limit}, Pids: &specs.LinuxPids{Limit: &pids}, CPU: &specs.LinuxCPU{Cpus: "0"}}
	})
	c := readCheck(t, roost(t, "check", "--json", bundle))
	has := c.item(t, "cgroup.controllers").Summary
	here, _, _ := strings.Cut(has, "and not of")
	refused := map[string]checkedItem{}
	for _, i := range c.Items {
		if i.ID == "bundle.refused" {
			refused[i.Path] = i
		}
	}
	for path, controller := range map[string]string{"linux.resources.memory.limit": "memory", "linux.resources.pids.limit": "pids", "linux.resources.cpu.cpus": "cpuset"} {
		i, found := refused[path]
		if found == strings.Contains(here, controller) {
			t.Errorf("%s refused: %v (%+v), and there are %s", path, found, i, has)
		}
		if found && (i.Policy != "deny" || !strings.Contains(i.Summary, controller)) {
			t.Errorf("%+v", i)
		}
	}
	if len(refused) < 3 {
		c.want(t, "bundle.cgroup", "ok", "scope")
	}
}

func privateDir(t testing.TB) string {
	dir := tempDir(t)
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

// In an account of its own making there are no sub-ids and no helpers: one user is all, and it says how to get more.
func TestCheckSingleID(t *testing.T) {
	needRoost(t)
	needUser(t)
	r := finish(t, exec.Command(home.roost, "unshare", "--idmap=single", "--", home.roost, "--root", tempDir(t), "check", "--json"))
	c := readCheck(t, r)
	c.want(t, "caller.privilege", "ok", "root of a user namespace")
	c.want(t, "ids.map", "ok")
}
