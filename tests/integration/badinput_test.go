package integration

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// refused runs each way of creating a container on a bundle. Each has to give one error with these words, status not 0,
// and to have created nothing.
func refused(t *testing.T, bundle string, words ...string) {
	t.Helper()
	for _, command := range []string{"create", "run"} {
		r := refuse(t, words, command, "--bundle", bundle, newID(t))
		if r.Code != 1 {
			t.Errorf("%s: own errors are 1: %v", command, r)
		}
		if strings.Contains(r.Stderr, "goroutine ") || strings.Contains(r.Stderr, "panic") {
			t.Errorf("%s: a trace is no error message: %v", command, r)
		}
		if r.Stdout != "" || strings.TrimSpace(r.Stderr) == "" {
			t.Errorf("%s: an error belongs on standard error: %v", command, r)
		}
	}
	if left := containers(stateRoot(t)); len(left) > 0 {
		t.Errorf("left state: %q", left)
	}
	if left := orphans(); len(left) > 0 {
		t.Errorf("left processes: %q", left)
	}
}

func TestBadConfigFile(t *testing.T) {
	needRoost(t) // several of these hang the others
	good, err := os.ReadFile(newBundle(t, nil) + "/config.json")
	if err != nil {
		t.Fatal(err)
	}
	text := func(s string) func(string) error {
		return func(path string) error { return os.WriteFile(path, []byte(s), 0o644) }
	}
	for _, c := range []struct {
		name  string
		write func(path string) error
		words []string
	}{
		{"missing", func(string) error { return nil }, []string{"config.json"}},
		{"empty", text(""), []string{"config.json", "empty"}},
		{"truncated", text(string(good[:len(good)/2])), []string{"config.json"}},
		{"trailing garbage", text(string(good) + "x"), []string{"config.json"}},
		{"two documents", text(string(good) + string(good)), []string{"config.json"}},
		{"invalid UTF-8", text(strings.Replace(string(good), "/bin/true", "/bin/\xff", 1)), nil},
		{"binary", text("\x7fELF\x02\x01\x01\x00\x00\x00"), []string{"config.json"}},
		{"null", text("null"), nil},
		{"a list", text("[]"), nil},
		{"100 MiB", func(path string) error {
			f, err := os.Create(path)
			if err != nil {
				return err
			}
			defer f.Close()
			return f.Truncate(100 << 20)
		}, []string{"config.json"}},
		{"deep", text(strings.Repeat(`{"a":`, 100000)), nil},
		{"FIFO", func(path string) error { return syscall.Mkfifo(path, 0o644) }, []string{"config.json"}},
		{"directory", func(path string) error { return os.Mkdir(path, 0o755) }, []string{"config.json"}},
		{"link to /dev/zero", func(path string) error { return os.Symlink("/dev/zero", path) }, []string{"config.json"}},
		{"link to itself", func(path string) error { return os.Symlink("config.json", path) }, []string{"config.json"}},
		{"unreadable", func(path string) error {
			if isRoot() {
				return nil // nothing is unreadable for root: missing, once more
			}
			return os.WriteFile(path, good, 0)
		}, []string{"config.json"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := tempDir(t)
			if err := c.write(dir + "/config.json"); err != nil {
				t.Fatal(err)
			}
			refused(t, dir, c.words...)
		})
	}
}

// The bundle itself.
func TestBadBundle(t *testing.T) {
	dir := tempDir(t)
	os.WriteFile(dir+"/file", nil, 0o644)
	refused(t, dir+"/missing", dir+"/missing")
	refused(t, dir+"/file")
	refused(t, dir)
}

func TestBadConfig(t *testing.T) {
	needRoost(t)
	for _, c := range []struct {
		name   string
		change string // JSON, merged into a good configuration
		words  []string
	}{
		{"wrong type", `{"process":{"args":"sh"}}`, []string{"process.args"}},
		{"wrong types, all named", `{"hostname":5,"process":{"cwd":[],"terminal":"yes"}}`, []string{"hostname", "process.cwd", "process.terminal"}},
		{"number out of range", `{"process":{"user":{"uid":-1}}}`, []string{"process.user.uid"}},
		{"number too large", `{"process":{"user":{"uid":4294967296}}}`, []string{"process.user.uid"}},
		{"no id", `{"process":{"user":{"uid":4294967295}}}`, []string{"process.user.uid"}},
		{"fraction", `{"process":{"user":{"uid":1.5}}}`, []string{"process.user.uid"}},
		{"unknown version", `{"ociVersion":"99.0.0"}`, []string{"ociVersion"}},
		{"no version", `{"ociVersion":null}`, []string{"ociVersion"}},
		{"empty version", `{"ociVersion":""}`, []string{"ociVersion"}},
		{"no process", `{"process":null}`, []string{"process"}},
		{"no root", `{"root":null}`, []string{"root"}},
		{"empty root", `{"root":{"path":""}}`, []string{"root.path"}},
		{"args empty", `{"process":{"args":[]}}`, []string{"process.args"}},
		{"args of nothing", `{"process":{"args":[""]}}`, []string{"process.args"}},
		{"NUL in args", `{"process":{"args":["/bin/true","a\u0000b"]}}`, []string{"process.args[1]"}},
		{"NUL in env", `{"process":{"env":["A=\u0000"]}}`, []string{"process.env[0]"}},
		{"env without =", `{"process":{"env":["PATH=/bin","NOEQ"]}}`, []string{"process.env[1]"}},
		{"env without a name", `{"process":{"env":["=x"]}}`, []string{"process.env[0]"}},
		{"relative cwd", `{"process":{"cwd":"tmp"}}`, []string{"process.cwd"}},
		{"empty cwd", `{"process":{"cwd":""}}`, []string{"process.cwd"}},
		{"unknown capability", `{"process":{"capabilities":{"bounding":["CAP_CHOWN","NO_SUCH"]}}}`, []string{"process.capabilities.bounding[1]"}},
		{"unknown rlimit", `{"process":{"rlimits":[{"type":"RLIMIT_NO_SUCH","soft":1,"hard":1}]}}`, []string{"process.rlimits[0]"}},
		{"soft over hard", `{"process":{"rlimits":[{"type":"RLIMIT_CORE","soft":2,"hard":1}]}}`, []string{"process.rlimits[0]"}},
		{"rlimit twice", `{"process":{"rlimits":[{"type":"RLIMIT_CORE","soft":1,"hard":1},{"type":"RLIMIT_CORE","soft":1,"hard":1}]}}`, []string{"process.rlimits[1]"}},
		{"oom score", `{"process":{"oomScoreAdj":2000}}`, []string{"process.oomScoreAdj"}},
		{"unknown namespace", `{"linux":{"namespaces":[{"type":"no-such"}]}}`, []string{"linux.namespaces[0]"}},
		{"namespace twice", `{"linux":{"namespaces":[{"type":"mount"},{"type":"mount"}]}}`, []string{"linux.namespaces[1]"}},
		{"relative namespace", `{"linux":{"namespaces":[{"type":"mount"},{"type":"network","path":"x"}]}}`, []string{"linux.namespaces[1]"}},
		{"unknown propagation", `{"linux":{"rootfsPropagation":"sideways"}}`, []string{"linux.rootfsPropagation"}},
		{"mount without destination", `{"mounts":[{"type":"tmpfs","source":"tmpfs"}]}`, []string{"mounts[0]"}},
		{"old bundle", `{"ociVersion":null,"version":"0.1.0"}`, []string{"runtime.json"}},
		{"seccomp", `{"linux":{"seccomp":{"defaultAction":"SCMP_ACT_DENY"}}}`, []string{"linux.seccomp.defaultAction", "SCMP_ACT_DENY"}},
		{"memory limit", `{"linux":{"resources":{"memory":{"limit":1000000}}}}`, []string{"linux.resources.memory"}},
		{"pids limit", `{"linux":{"resources":{"pids":{"limit":5}}}}`, []string{"linux.resources.pids"}},
		{"a device rule of nothing", `{"linux":{"resources":{"devices":[{"allow":true,"access":"rwx"}]}}}`, []string{"linux.resources.devices[0].access"}},
		{"rdt", `{"linux":{"intelRdt":{"closID":"x"}}}`, []string{"linux.intelRdt"}},
		{"hook with a relative path", `{"hooks":{"poststart":[{"path":"true"}]}}`, []string{"hooks.poststart"}},
		{"hook without time", `{"hooks":{"prestart":[{"path":"/bin/true","timeout":0}]}}`, []string{"hooks.prestart"}},
		{"sysctl of the machine", `{"linux":{"sysctl":{"vm.overcommit_memory":"1"}}}`, []string{"linux.sysctl"}},
		{"sysctl out of its tree", `{"linux":{"sysctl":{"net/../vm/overcommit_memory":"1"}}}`, []string{"linux.sysctl"}},
		{"negative memory limit", `{"linux":{"resources":{"memory":{"limit":-5}}}}`, []string{"linux.resources.memory.limit"}},
		{"cgroup v1", `{"linux":{"resources":{"memory":{"swappiness":60}}}}`, []string{"linux.resources.memory.swappiness"}},
		{"real-time priority of an ordinary scheduler", `{"process":{"scheduler":{"policy":"SCHED_OTHER","priority":5}}}`, []string{"process.scheduler"}},
		{"personality of others", `{"linux":{"personality":{"domain":"SVR4"}}}`, []string{"linux.personality"}},
		{"label of two lines", `{"process":{"apparmorProfile":"a\nb"}}`, []string{"process.apparmorProfile"}},
		{"mapping of a mount by halves", `{"mounts":[{"destination":"/x","type":"bind","source":"/","options":["bind"],"uidMappings":[{"containerID":0,"hostID":0,"size":1}]}]}`, []string{"mounts[0]"}},
		{"windows", `{"windows":{"layerFolders":["x"]}}`, []string{"windows"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			bundle := newBundle(t, nil)
			merge(t, bundle+"/config.json", c.change)
			refused(t, bundle, c.words...)
		})
	}
}

// What has no effect is no problem: empty values of fields that are not implemented, unknown properties, annotations.
func TestHarmlessConfig(t *testing.T) {
	needRoost(t)
	for _, change := range []string{
		`{"hooks":{},"linux":{"seccomp":null,"sysctl":{},"resources":{}},"process":{"apparmorProfile":""}}`,
		`{"noSuchProperty":{"x":[1,2,{"y":null}]},"linux":{"alsoUnknown":5}}`,
		`{"annotations":{"a":"b","org.systemd.property.X":"'y'"}}`,
		`{"linux":{"resources":{"devices":[{"allow":false,"access":"rwm"},{"allow":true,"type":"c","major":1,"access":"r"}]}}}`,
		`{"linux":{"resources":{"memory":{"limit":-1,"swappiness":null},"cpu":{"shares":0},"pids":{"limit":-1},"blockIO":{"weight":0},"rdma":{"mlx5_1":{}}}}}`,
		`{"ociVersion":"1.0.2-dev"}`, `{"ociVersion":"1.2.1"}`,
	} {
		bundle := newBundle(t, nil)
		merge(t, bundle+"/config.json", change)
		if r := roost(t, "run", "--bundle", bundle, newID(t)); r.Code != 0 {
			t.Errorf("%s: %v", change, r)
		}
	}
}

// merge lays a JSON object over another: objects are merged, anything else replaces, null removes.
func merge(t testing.TB, path, change string) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var base, over map[string]any
	if err := json.Unmarshal(raw, &base); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(change), &over); err != nil {
		t.Fatal(err)
	}
	lay(base, over)
	if raw, err = json.Marshal(base); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, raw, 0o644); err != nil {
		t.Fatal(err)
	}
}

func lay(base, over map[string]any) {
	for key, value := range over {
		above, ok := value.(map[string]any)
		below, also := base[key].(map[string]any)
		switch {
		case value == nil:
			delete(base, key)
		case ok && also:
			lay(below, above)
		default:
			base[key] = value
		}
	}
}

func TestBadIDs(t *testing.T) {
	bundle := newBundle(t, nil)
	for _, id := range []string{"", ".", "..", "a/b", "../x", "/x", "a b", "a\nb", "a:b", "ü", strings.Repeat("x", 1025), strings.Repeat("x", 256), "a\\b", "a*"} {
		if !isThisRoost() && (strings.HasPrefix(id, "xxx") || id == "ü" || id == "") {
			continue
		}
		for _, command := range []string{"create", "run"} {
			r := roost(t, command, "--bundle", bundle, "--", id)
			if r.Code == 0 {
				t.Errorf("%s %q: was accepted", command, id)
				roost(t, "delete", "--force", "--", id)
			}
			if id != "" && isThisRoost() && !strings.Contains(r.Stderr, "invalid container ID format") {
				t.Errorf("%s %q: %v", command, id, r)
			}
		}
		for _, command := range []string{"state", "start", "delete", "kill"} {
			if r := roost(t, command, "--", id); r.Code == 0 {
				t.Errorf("%s %q: was accepted: %v", command, id, r)
			}
		}
	}
	if entries, _ := os.ReadDir(stateRoot(t)); len(entries) > 0 {
		t.Errorf("created %v", entries)
	}
	if exists(filepath.Join(filepath.Dir(stateRoot(t)), "x")) {
		t.Errorf("went up from the state root")
	}
	for _, id := range []string{"a", "A-b_c.d+9", strings.Repeat("y", 200)} {
		if r := roost(t, "run", "--bundle", bundle, id); r.Code != 0 {
			t.Errorf("%q: %v", id, r)
		}
	}
}

func TestBadRootfs(t *testing.T) {
	dir := tempDir(t)
	os.WriteFile(dir+"/file", nil, 0o644)
	os.Symlink("/", dir+"/to-the-host")
	os.Symlink("nowhere", dir+"/dangling")
	mustFifo(t, dir+"/fifo")
	for _, name := range []string{"file", "missing", "dangling", "fifo"} {
		refused(t, newBundle(t, rootfs(dir+"/"+name, false)), name)
	}
	if isThisRoost() { // runc takes it for where it leads to
		refused(t, newBundle(t, rootfs(dir+"/to-the-host", true)), "to-the-host")
	}
}

func TestBadWorkingDirectory(t *testing.T) {
	needRoost(t)
	refused(t, newBundle(t, func(s *specs.Spec) { s.Process.Cwd = "/etc/passwd" }), "/etc/passwd")
	refused(t, newBundle(t, func(s *specs.Spec) { s.Process.Cwd = "../../etc" }), "process.cwd")
}

func TestBadMappings(t *testing.T) {
	needRoost(t)
	id := func(c, h, n uint32) specs.LinuxIDMapping {
		return specs.LinuxIDMapping{ContainerID: c, HostID: h, Size: n}
	}
	own := []specs.LinuxIDMapping{id(0, uint32(os.Getuid()), 1)}
	for _, c := range []struct {
		name  string
		uids  []specs.LinuxIDMapping
		words []string
	}{
		{"overlap inside", []specs.LinuxIDMapping{id(0, 100000, 10), id(5, 200000, 10)}, []string{"uidMappings[1]"}},
		{"overlap outside", []specs.LinuxIDMapping{id(0, 100000, 10), id(10, 100005, 10)}, []string{"uidMappings[1]"}},
		{"overflow", []specs.LinuxIDMapping{id(4294967290, 100000, 10)}, []string{"uidMappings[0]"}},
		{"overflow outside", []specs.LinuxIDMapping{id(0, 4294967290, 10)}, []string{"uidMappings[0]"}},
		{"of no size", []specs.LinuxIDMapping{id(0, 100000, 0)}, []string{"uidMappings[0]"}},
		{"none for the gids", own, []string{"gidMappings"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			gids := []specs.LinuxIDMapping{id(0, uint32(os.Getgid()), 1)}
			if c.name == "none for the gids" {
				gids = nil
			}
			refused(t, newBundle(t, mapped(c.uids, gids)), c.words...)
		})
	}
	if !isRoot() {
		t.Run("not ours", func(t *testing.T) {
			refused(t, newBundle(t, mapped([]specs.LinuxIDMapping{id(0, 0, 1)}, []specs.LinuxIDMapping{id(0, 0, 1)})))
		})
		t.Run("somebody else's sub-ids", func(t *testing.T) {
			refused(t, newBundle(t, mapped([]specs.LinuxIDMapping{id(0, 3000000000, 65536)}, []specs.LinuxIDMapping{id(0, 3000000000, 65536)})))
		})
	}
	t.Run("without a user namespace", func(t *testing.T) {
		refused(t, newBundle(t, with(mapped(own, own), dropNamespace(specs.UserNamespace))), "uidMappings")
	})
}

// Too much of something that is right is an answer too.
func TestMuch(t *testing.T) {
	needRoost(t)
	r := runOnce(t, with(args("/bin/true"), func(s *specs.Spec) {
		for i := range 20000 {
			s.Linux.MaskedPaths = append(s.Linux.MaskedPaths, fmt.Sprintf("/not/there/%d", i))
		}
	}))
	if r.Code != 0 {
		t.Errorf("20,000 masked paths: exit %d, %.300s", r.Code, r.Stderr)
	}
	r = runOnce(t, func(s *specs.Spec) {
		for i := range 1000 {
			mounted(specs.Mount{Destination: fmt.Sprintf("/tmp/%d", i), Type: "tmpfs", Source: "tmpfs"})(s)
		}
		replaceMount(s, specs.Mount{Destination: "/tmp", Type: "tmpfs", Source: "tmpfs"})
		last := len(s.Mounts) - 1 // /tmp has to come before what is mounted in it
		s.Mounts = append([]specs.Mount{s.Mounts[last]}, s.Mounts[:last]...)
	})
	if r.Code != 0 {
		t.Errorf("1,000 mounts: exit %d, %.300s", r.Code, r.Stderr)
	}
	r = runOnce(t, func(s *specs.Spec) { s.Annotations = map[string]string{"x": strings.Repeat("y", 64<<20)} })
	if r.Code == 0 {
		t.Errorf("a 64 MiB annotation was accepted")
	}
}
