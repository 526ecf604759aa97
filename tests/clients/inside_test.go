package clients

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// inner is what a container gets of ours to run roost in it: the binary, a root file system, room for bundles. The
// helper for seccomp and the two for ids are missing, as they are in an image that somebody put one static binary into.
func inner(t testing.TB) string {
	t.Helper()
	if !isRoost() {
		t.Skipf("roost: %s does not do without what a container around it withholds", desk.runtime)
	}
	dir := desk.at("inner")
	if _, err := os.Stat(dir); err == nil {
		return dir
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(desk.runtime)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "roost"), raw, 0o755)
	}
	if err == nil {
		err = makeRootfs(filepath.Join(dir, "rootfs"))
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "nested.sh"), []byte(nested), 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// nested is what runs in the outer container: a bundle as `roost spec` writes it, and a run by hand. $HOME and
// $XDG_RUNTIME_DIR are whatever is there.
const nested = `set -e
export PATH=/bin
grep Seccomp: /proc/self/status
dir=$(mktemp -d /tmp/nested.XXXXXX)
cd $dir
/inner/roost spec --rootless
sed -i -e 's/"terminal": true/"terminal": false/' -e 's|"path": "rootfs"|"path": "/inner/rootfs"|' config.json
/inner/roost --root $dir/state run --bundle $dir bundled <<'X'
echo bundled as $(id -u), pid 1 is $(cat /proc/1/comm), $(cat /etc/canary); exit
X
/inner/roost --root $dir/state run --rootfs /inner/rootfs -- sh -c 'echo by hand as $(id -u); test -d /sys/class; ls /proc/self/fd >/dev/null; exit 6' || test $? = 6
/inner/roost --root $dir/state run -d --rootfs /inner/rootfs --name stays -- sleep 1000 </dev/null >/dev/null 2>&1
/inner/roost --root $dir/state state stays | grep -e '"status"' -e degraded
/inner/roost --root $dir/state delete --force stays
test -z "$(ls $dir/state)"
cd /; rm -rf $dir
echo all done
`

// engines' ways to be somebody in a container: its root, an id without an entry anywhere, and the same in group root, as
// OpenShift has it.
var somebody = []struct{ name, user string }{{"root", "0:0"}, {"arbitrary", "12345:12345"}, {"arbitrary-group-0", "12345:0"}}

func checkNested(t testing.TB, r result) {
	t.Helper()
	r.want(t, 0, "bundled as 0, pid 1 is sh, untouched", "by hand as 0", `"running"`, "all done")
}

// The outer container has its engine's default masks and filter, and its runtime is another one.
func TestInsidePodman(t *testing.T) {
	need(t, "runc", "install runc; it is in contrib/setup.sh test")
	dir := inner(t)
	for _, who := range somebody {
		t.Run(who.name, func(t *testing.T) {
			cmd := run(t, []string{"--rm", "--user", who.user, "-v", dir + ":/inner"}, "sh", "/inner/nested.sh")
			for i, arg := range cmd.Args {
				if arg == "--runtime" {
					cmd.Args[i+1] = "runc"
				}
			}
			r := finish(t, cmd)
			r.want(t, 0, "Seccomp:\t2")
			checkNested(t, r)
		})
	}
}

// The same by roost itself: nesting does not depend on another runtime's leniency.
func TestLongInsideRoost(t *testing.T) {
	dir := inner(t)
	for _, who := range somebody {
		t.Run(who.name, func(t *testing.T) {
			checkNested(t, finish(t, run(t, []string{"--rm", "--user", who.user, "-v", dir + ":/inner"}, "sh", "/inner/nested.sh")))
		})
	}
}

// runc has no default filter; its masks and capabilities are those of `runc spec`.
func TestInsideRunc(t *testing.T) {
	need(t, "runc", "install runc; it is in contrib/setup.sh test")
	dir := inner(t)
	for _, who := range somebody {
		t.Run(who.name, func(t *testing.T) {
			if who.user != "0:0" {
				needRoot(t) // without it, runc maps one id only
				checkNested(t, runcNested(t, dir, who.user))
				return
			}
			// The kernel lets uid 0 be mapped by whoever has CAP_SETFCAP only, since Linux 5.12.
			runcNested(t, dir, who.user).want(t, 1, "CAP_SETFCAP")
			checkNested(t, runcNested(t, dir, who.user, "CAP_SETFCAP"))
		})
	}
}

func runcNested(t testing.TB, dir, user string, more ...string) result {
	t.Helper()
	bundle, err := os.MkdirTemp(desk.at("bundles"), "r-")
	if err != nil {
		t.Fatal(err)
	}
	state := filepath.Join(bundle, "state")
	spec := []string{"--root", state, "spec", "--bundle", bundle}
	if !isRoot() {
		spec = append(spec, "--rootless")
	}
	finish(t, exec.Command("runc", spec...)).want(t, 0)
	raw, err := os.ReadFile(filepath.Join(bundle, "config.json"))
	if err != nil {
		t.Fatal(err)
	}
	var c map[string]any
	if err := json.Unmarshal(raw, &c); err != nil {
		t.Fatal(err)
	}
	var uid, gid int
	fmt.Sscanf(user, "%d:%d", &uid, &gid)
	process := c["process"].(map[string]any)
	process["terminal"], process["args"] = false, []string{"sh", "/inner/nested.sh"}
	process["user"] = map[string]any{"uid": uid, "gid": gid}
	delete(process, "rlimits")
	for set, names := range process["capabilities"].(map[string]any) {
		for _, name := range more {
			names = append(names.([]any), name)
		}
		process["capabilities"].(map[string]any)[set] = names
	}
	c["root"] = map[string]any{"path": desk.rootfs}
	c["mounts"] = append(c["mounts"].([]any),
		map[string]any{"destination": "/inner", "type": "bind", "source": dir, "options": []string{"rbind"}},
		map[string]any{"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": []string{"mode=1777"}})
	if raw, err = json.Marshal(c); err == nil {
		err = os.WriteFile(filepath.Join(bundle, "config.json"), raw, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	return finish(t, exec.Command("runc", "--root", state, "run", "--bundle", bundle, filepath.Base(bundle)))
}
