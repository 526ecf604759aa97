package userns

import (
	"context"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/roost-run/roost/idmap"
	"golang.org/x/sys/unix"
)

// Callers that anybody can become, in a user namespace of their own.
func TestChooseInside(t *testing.T) {
	needNamespaces(t)
	dir := stage(t, nil)
	uid, gid := strconv.Itoa(os.Getuid()), strconv.Itoa(os.Getgid())
	tests := []struct{ name, script, idmap, want string }{
		{"mapped root", `exec unshare -Ur "$D"/body`, "", "none 0:0:1;0:0:1 setgroups=false"},
		{"mapped root, single", `exec unshare -Ur "$D"/body`, "single", "create by parent 0:0:1;0:0:1 setgroups=false"},
		{"mapped root, not its id", `exec unshare -Ur "$D"/body`, "0:1:1", "error: --idmap: uids 1 do not exist in the caller's own user namespace, which has 0; map ids that it has"},
		{"uid 0 without SYS_ADMIN", `exec unshare -Ur setpriv --bounding-set=-sys_admin "$D"/body`, "single", "create by parent 0:0:1;0:0:1 setgroups=false"},
		{"uid 0 with SETFCAP alone", `exec unshare -Ur setpriv --bounding-set=-all,+setfcap "$D"/body`, "single", "create by self 0:0:1;0:0:1 setgroups=false"},
		{"uid 0 without capabilities", `exec unshare -Ur setpriv --bounding-set=-all "$D"/body`, "single", "error: the caller's own ids alone: uid 0 cannot be mapped by a caller without CAP_SETFCAP"},
		{"nobody", `exec unshare -U "$D"/body`, "", "error: uid 65534, the caller's, is not mapped"},
		{"mapped to itself, nested", `exec unshare -Ur unshare -U --map-user=5 --map-group=6 "$D"/body`, "single", "create by self 0:5:1;0:6:1 setgroups=false"},
		{"ordinary, nested", `exec unshare -Ur unshare -U --map-user=5 --map-group=6 "$D"/body`, "keep-id", "create by self 5:5:1;6:6:1 setgroups=false\nnote: only uid 5 and gid 6 are mapped"},
	}
	if os.Getuid() != 0 {
		tests = append(tests,
			struct{ name, script, idmap, want string }{"this user", `exec "$D"/body`, "single", "create by self 0:" + uid + ":1;0:" + gid + ":1 setgroups=false"},
			// With whatever sub-ids this user has: the body carries it out.
			struct{ name, script, idmap, want string }{"this user, auto", `exec "$D"/body`, "", "create by "},
			struct{ name, script, idmap, want string }{"this user, keep-id", `exec "$D"/body`, "keep-id", "create by "})
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := play(t, dir, test.script, nil, "ROOST_BODY=choose", "ROOST_IDMAP="+test.idmap)
			if !strings.HasPrefix(got, test.want) {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

// Callers that root makes: ordinary users with other files in /etc, and the user
// namespaces of engines around them.
func TestChooseAsUsers(t *testing.T) {
	needRoot(t)
	files := map[string]string{
		"passwd":        "root:x:0:0::/root:/bin/sh\nroosty:x:61234:61234::/:/bin/sh\ninner:x:1000:1000::/:/bin/sh\n",
		"subuid":        "roosty:200000:1000\ninner:2000:50\n",
		"subgid":        "roosty:300000:1000\ninner:3000:50\n",
		"nsswitch.conf": "passwd: files\n",
	}
	dir := stage(t, files)
	const etc = `mount --make-rprivate /
for f in "$D"/etc/*; do mount --bind "$f" /etc/"${f##*/}"; done
`
	const roosty = `exec setpriv --reuid=61234 --regid=61234 --clear-groups `
	// As podman and a pod have it: root inside is not root of the machine, and
	// setuid programs of the machine's root mean nothing there.
	podman := []syscall.SysProcIDMap{{ContainerID: 0, HostID: 100000, Size: 65536}}
	// As a container has it that shares the machine's first ids.
	low := []syscall.SysProcIDMap{{ContainerID: 0, HostID: 0, Size: 65536}}
	tests := []struct {
		name, script, idmap string
		ids                 []syscall.SysProcIDMap
		helpers             bool
		want                string
	}{
		{"user", roosty + `"$D"/body`, "", nil, true, "create by helpers 0:61234:1,1:200000:1000;0:61234:1,1:300000:1000 setgroups=true"},
		{"user, keep-id", roosty + `"$D"/body`, "keep-id", nil, true, "create by helpers 61234:61234:1,0:200000:1000;61234:61234:1,0:300000:1000 setgroups=true"},
		{"user, single", roosty + `"$D"/body`, "single", nil, false, "create by self 0:61234:1;0:61234:1 setgroups=false"},
		{"user, empty PATH", `exec setpriv --reuid=61234 --regid=61234 --clear-groups /usr/bin/env -i ROOST_BODY=choose "$D"/body`, "", nil, true, "create by helpers 0:61234:1"},
		{"user, no_new_privs", roosty + `--no-new-privs "$D"/body`, "", nil, true, "create by self 0:61234:1;0:61234:1 setgroups=false\nnote: only uid 61234 and gid 61234 are mapped: newuidmap: no_new_privs is set"},
		{"user without a name", `exec setpriv --reuid=61235 --regid=0 --clear-groups "$D"/body`, "", nil, false, "create by self 0:61235:1;0:0:1 setgroups=false\nnote: only uid 61235 and gid 0 are mapped: uid 61235 has no range in /etc/subuid"},
		{"user who sets ids", roosty + `--inh-caps=+setuid,+setgid --ambient-caps=+setuid,+setgid "$D"/body`, "0:5000:10;0:6000:10", nil, false, "create by parent 0:5000:10;0:6000:10 setgroups=true"},
		{"user who sets ids, auto", roosty + `--no-new-privs --inh-caps=+setuid,+setgid --ambient-caps=+setuid,+setgid "$D"/body`, "", nil, false,
			"create by parent 0:61234:1,1:200000:1000;0:61234:1,1:300000:1000 setgroups=true"},
		{"privileged user", roosty + `--inh-caps=+setuid,+setgid,+sys_admin --ambient-caps=+setuid,+setgid,+sys_admin "$D"/body`, "", nil, false, "none 0:0:4294967295;0:0:4294967295 setgroups=true"},
		{"root", `exec "$D"/body`, "", nil, false, "none 0:0:4294967295;0:0:4294967295 setgroups=true"},
		{"root, map", `exec "$D"/body`, "0:100000:65536", nil, false, "create by parent 0:100000:65536;0:100000:65536 setgroups=true"},
		{"root in podman", `exec "$D"/body`, "", podman, false, "none 0:0:65536;0:0:65536 setgroups=true"},
		{"root in podman, map", `exec "$D"/body`, "0:1:1000", podman, false, "create by parent 0:1:1000;0:1:1000 setgroups=true"},
		{"user in podman", `exec setpriv --reuid=1000 --regid=1000 --clear-groups "$D"/body`, "", podman, false,
			"create by self 0:1000:1;0:1000:1 setgroups=false\nnote: only uid 1000 and gid 1000 are mapped: newuidmap: setuid, but owned by uid 65534"},
		{"user in a container", `exec setpriv --reuid=1000 --regid=1000 --clear-groups "$D"/body`, "", low, true,
			"create by helpers 0:1000:1,1:2000:50;0:1000:1,1:3000:50 setgroups=true"},
		{"user in a container, granted elsewhere", roosty + `"$D"/body`, "", low, true, "create by self 0:61234:1;0:61234:1 setgroups=false\nnote: only uid 61234 and gid 61234 are mapped: the sub-ids that"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if test.helpers {
				if err := (idmap.Helpers{}).Check(); err != nil {
					t.Skipf("no working id helpers: %v", err)
				}
			}
			attr := &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
			if test.ids != nil {
				attr.Cloneflags |= syscall.CLONE_NEWUSER
				attr.UidMappings, attr.GidMappings, attr.GidMappingsEnableSetgroups = test.ids, test.ids, true
				attr.Credential = &syscall.Credential{Uid: 0, Gid: 0}
			}
			got := play(t, dir, etc+test.script, attr, "ROOST_BODY=choose", "ROOST_IDMAP="+test.idmap)
			got = strings.ReplaceAll(got, "/usr/bin/newuidmap: setuid", "newuidmap: setuid")
			if !strings.HasPrefix(got, test.want) {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestSelf(t *testing.T) {
	needNamespaces(t)
	dir := stage(t, nil)
	got := play(t, dir, `exec unshare -Ur "$D"/body`, nil, "ROOST_BODY=self")
	if !strings.HasPrefix(got, "0:0 groups [") || !strings.HasSuffix(got, "privileged=true setsids=true setfcap=true 0:"+strconv.Itoa(os.Getuid())+":1;0:"+strconv.Itoa(os.Getgid())+":1 setgroups=false") {
		t.Errorf("got %s", got)
	}
	c, err := Self()
	if err != nil || int(c.EUID) != os.Geteuid() || int(c.EGID) != os.Getegid() || len(c.UIDs) == 0 || len(c.GIDs) == 0 {
		t.Errorf("got %+v, %v", c, err)
	}
}

func TestJoin(t *testing.T) {
	pid, stop, err := sleeper()
	if err != nil {
		t.Skipf("no user namespaces here: %v", err)
	}
	defer stop()
	c, err := Self()
	if err != nil {
		t.Fatal(err)
	}
	own := Choice{Kind: Create, Writer: BySelf, Mapping: single(c).Mapping}
	if err := WriteMaps(context.Background(), pid, own); err != nil {
		t.Fatal(err)
	}
	path := "/proc/" + strconv.Itoa(pid) + "/ns/user"
	got, err := Choose(context.Background(), c, Request{New: true, Path: path})
	if err != nil || got.Kind != Join || got.Path != path || got.Mapping.String() != own.Mapping.String() || got.Setgroups {
		t.Errorf("got %+v, %v", got, err)
	}
	if got, err := Choose(context.Background(), c, Request{Path: "/proc/self/ns/user"}); err != nil || got.Kind != None {
		t.Errorf("own: got %+v, %v", got, err)
	}
	fifo := t.TempDir() + "/fifo"
	if err := unix.Mkfifo(fifo, 0o666); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"/proc/self/ns/mnt": "a namespace of another type",
		"/etc/passwd":       "not a namespace",
		fifo:                "not a namespace",
		"/nonexistent":      "open: no such file",
	} {
		if _, err := Choose(context.Background(), c, Request{Path: path}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", path, err, want)
		}
	}
	if err := WriteMaps(context.Background(), pid, got); err == nil {
		t.Error("maps were written for a namespace that is joined")
	}
}

// What forbids a user namespace, each switch thrown for real where it can be.
func TestCloneRefused(t *testing.T) {
	needNamespaces(t)
	dir := stage(t, nil)
	tests := []struct{ name, script, want string }{
		{"nothing", `exec "$D"/body`, "made"},
		{"max_user_namespaces", `exec unshare -Ur sh -c 'echo 0 >/proc/sys/user/max_user_namespaces; exec "$D"/body'`,
			"error: create user namespace: fork/exec /bin/cat: no space left on device: user.max_user_namespaces is 0, which switches that type of namespace off"},
		{"limit reached", `exec unshare -Ur sh -c 'echo 1 >/proc/sys/user/max_user_namespaces; unshare -U sleep 5 & sleep 0.5; "$D"/body; kill $!'`,
			"error: create user namespace: fork/exec /bin/cat: no space left on device: the limit on namespaces is reached: user.max_user_namespaces, 1 here"},
		{"as deep as it goes", `nest() { n=$1; shift; while [ $n -gt 0 ]; do set -- unshare -Ur "$@"; n=$((n-1)); done; "$@"; }
			for depth in 33 32 31 30 29 28 27 26 25; do nest $depth "$D"/body 2>/dev/null && exit; done`,
			"error: create user namespace: fork/exec /bin/cat: no space left on device: the limit on namespaces is reached"},
		{"chroot", `exec unshare -Ur "$D"/body`, "error: create user namespace: fork/exec /bin/cat: operation not permitted: this process is in a chroot"},
		{"unmapped", `exec unshare -U "$D"/body`, "error: create user namespace: fork/exec /bin/cat: operation not permitted: the caller's uid or gid is not mapped"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			env := []string{"ROOST_BODY=clone"}
			if test.name == "chroot" {
				env = append(env, "ROOST_CHROOT="+dir)
			}
			if got := play(t, dir, test.script, nil, env...); !strings.HasPrefix(got, test.want) {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestCloneRefusedBySeccomp(t *testing.T) {
	needNamespaces(t)
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Skip("gcc is not installed: the filter is a C program")
	}
	if runtime.GOARCH == "386" {
		t.Skip("gcc makes a filter of another architecture's numbers")
	}
	dir := stage(t, nil)
	if out, err := exec.Command("gcc", "-o", dir+"/filtered", "testdata/seccomp_exec.c").CombinedOutput(); err != nil {
		t.Skipf("gcc does not build the filter here: %s", out)
	}
	got := play(t, dir, `exec "$D"/filtered "$D"/body`, nil, "ROOST_BODY=clone")
	if !strings.HasPrefix(got, "error: create user namespace: fork/exec /bin/cat: operation not permitted: ") || !strings.Contains(got, "a seccomp filter around this process") {
		t.Errorf("got %s", got)
	}
}
