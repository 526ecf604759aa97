package check

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/roost-run/roost/idmap"
	"github.com/roost-run/roost/internal/fault"
	"github.com/roost-run/roost/internal/launch"
	"github.com/roost-run/roost/internal/probe"
	"github.com/roost-run/roost/internal/sealed"
	"github.com/roost-run/roost/userns"
	"golang.org/x/sys/unix"
)

// want is an item as a test expects it: words that its summary, evidence or remedy contains.
type want struct {
	id    string
	state State
	words string
}

// expect finds the items by their ids; "" in words is anything. A test names those that it is about.
func expect(t *testing.T, items []Item, wants ...want) {
	t.Helper()
	for _, w := range wants {
		found := false
		for _, i := range items {
			if i.ID != w.id {
				continue
			}
			found = true
			if text := whole(i); i.State != w.state || !strings.Contains(text, w.words) {
				t.Errorf("%s: %v, want %v with %q:\n%s", w.id, i.State, w.state, w.words, text)
			}
		}
		if found == (w.words == absent) {
			t.Errorf("%s: there is %v, want %v", w.id, found, !found)
		}
	}
	for _, i := range items {
		complete(t, i)
	}
}

// absent, as words, is an item that is not to be there.
const absent = "\x00"

// complete: what is worse than a note has evidence, what has a remedy says whose, and nothing is in several lines by mistake.
func complete(t *testing.T, i Item) {
	t.Helper()
	if i.State > Note && len(i.Evidence) == 0 && !strings.HasPrefix(i.ID, "tools.") {
		t.Errorf("%s: %v without evidence: %s", i.ID, i.State, i.Summary)
	}
	if (i.Remedy == "") != (i.Who == "") {
		t.Errorf("%s: remedy %q, by %q", i.ID, i.Remedy, i.Who)
	}
	if strings.Contains(i.Summary, "\n") || strings.HasSuffix(i.Summary, ".") || i.Summary == "" || !strings.Contains(i.ID, ".") {
		t.Errorf("%q: %q", i.ID, i.Summary)
	}
}

func whole(i Item) string {
	text := i.Summary + "\n"
	for _, e := range i.Evidence {
		text += e.Source + ": " + e.Says + "\n"
	}
	return text + string(i.Who) + " " + i.Remedy + "\n" + i.Path
}

func alice() callerFacts {
	return callerFacts{account: idmap.Account{UID: 1000, GID: 1000, Name: "alice"}, caller: userns.Caller{EUID: 1000, EGID: 1000, UIDs: idmap.Map{{Size: 1<<32 - 1}}}}
}

func root() callerFacts {
	c := callerFacts{machine: true, account: idmap.Account{Name: "root"}}
	c.caller.Privileged = true
	return c
}

func TestCaller(t *testing.T) {
	expect(t, callerItems(alice()), want{"caller.privilege", OK, "alice (uid 1000)"}, want{id: "caller.container", words: absent}, want{id: "caller.job", words: absent})
	expect(t, callerItems(root()), want{"caller.privilege", OK, "root of the machine"})
	nested := root()
	nested.machine = false
	nested.outer = Evidence{"/run/.containerenv", "is there"}
	expect(t, callerItems(nested), want{"caller.privilege", OK, "root of a user namespace"}, want{"caller.container", Note, "containerenv"})
	bare := root()
	bare.caller.Privileged = false
	expect(t, callerItems(bare), want{"caller.privilege", Note, "without the capabilities"})
	job := alice()
	job.batch, job.ci, job.newPrivs = Evidence{"$SLURM_JOB_ID", "17"}, Evidence{"$CI", "true"}, setting{path: "/proc/self/status", value: "1"}
	expect(t, callerItems(job), want{"caller.job", Note, "scheduler's"}, want{"caller.no-new-privs", Note, "setuid"})
	expect(t, callerItems(callerFacts{err: fault.New(fault.IDMap, "no map").Remedy("mount /proc")}), want{"caller.privilege", Error, "mount /proc"})
}

func TestState(t *testing.T) {
	fine := stateFacts{root: Place{Path: "/run/user/1000/roost"}, uid: 1000, euid: 1000, xdg: "/run/user/1000", rootType: "tmpfs", homeType: "ext4", home: "/home/alice", program: "/usr/bin/roost", file: sealed.File{Mode: 0o755}}
	expect(t, stateItems(fine), want{"state.root", OK, "by XDG_RUNTIME_DIR"}, want{"state.filesystem", OK, "tmpfs"}, want{"state.home", OK, "ext4"}, want{"state.program", OK, "safe"})
	for _, c := range []struct {
		change func(*stateFacts)
		want   want
	}{
		{func(f *stateFacts) { f.xdg = "" }, want{"state.root", OK, "not set"}},
		{func(f *stateFacts) { f.root.Given = true }, want{"state.root", OK, "--root"}},
		{func(f *stateFacts) { f.xdg, f.systemd, f.root.Path = "", true, "/tmp/roost-1000" }, want{"state.root", Note, "loginctl enable-linger 1000"}},
		{func(f *stateFacts) {
			f.root.Err = fault.New(fault.State, "belongs to user 0").Remedy("unset it")
		}, want{"state.root", Error, "user unset it"}},
		{func(f *stateFacts) { f.unusable = unix.EROFS }, want{"state.root", Error, "read-only file system"}},
		{func(f *stateFacts) { f.rootType = "nfs" }, want{"state.filesystem", Warning, "other machines"}},
		{func(f *stateFacts) { f.rootType = "" }, want{"state.filesystem", Note, "cannot be told"}},
		{func(f *stateFacts) { f.homeType = "lustre" }, want{"state.home", Note, "sub-ids"}},
		{func(f *stateFacts) { f.homeType = "" }, want{id: "state.home", words: absent}},
		{func(f *stateFacts) { f.file.UID = 1000 }, want{"state.program", Note, "sealed copy"}},
		{func(f *stateFacts) { f.machineRoot, f.euid, f.root.Path = true, 0, "/run/roost" }, want{"state.program", OK, "read-only mount"}},
		{func(f *stateFacts) { f.fileErr = os.ErrNotExist }, want{"state.program", Error, "/proc"}},
	} {
		f := fine
		c.change(&f)
		expect(t, stateItems(f), c.want)
	}
}

func TestUnusable(t *testing.T) {
	dir := t.TempDir()
	if err := unusable(dir + "/to/be/made"); err != nil {
		t.Error(err)
	}
	if err := unusable("/proc/roost"); os.Geteuid() != 0 && err == nil || err != nil && !strings.Contains(err.Error(), "/proc") {
		t.Error("nobody makes a directory there:", err)
	}
	if err := os.WriteFile(dir+"/file", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := unusable(dir + "/file/below"); !errors.Is(err, unix.ENOTDIR) {
		t.Error(err)
	}
}

func TestUserns(t *testing.T) {
	fine := usernsFacts{caller: alice(), max: setting{path: "/proc/sys/user/max_user_namespaces", value: "15000"}, clone: setting{err: os.ErrNotExist}, armor: setting{err: os.ErrNotExist}}
	expect(t, usernsItems(fine), want{"userns.create", OK, ""}, want{"userns.others", OK, ""}, want{id: "userns.limit", words: absent}, want{id: "userns.seccomp", words: absent})
	f := fine
	f.alone, f.clone = fault.New(fault.Userns, "create user namespace: EPERM: switch").Remedy("ask an administrator for it"), setting{path: "clone", value: "0"}
	expect(t, usernsItems(f), want{"userns.create", Error, "administrator ask an administrator"}, want{"userns.others", Note, "not tried"})
	f.caller = root()
	expect(t, usernsItems(f), want{"userns.create", Note, "ask for one"}, want{"userns.others", OK, ""})
	f = fine
	f.all = errors.New("no network namespaces")
	expect(t, usernsItems(f), want{"userns.others", Error, "no network"})
	f = fine
	f.mount, f.max.value, f.seccomp = unix.EPERM, "7", setting{path: "/proc/self/status", value: "2"}
	expect(t, usernsItems(f), want{"userns.others", Error, "mounted"}, want{"userns.limit", Note, "at most 7"}, want{"userns.seccomp", Note, "filter"})
}

func TestSecurity(t *testing.T) {
	none := securityFacts{caller: alice(), program: "/usr/bin/roost", modules: setting{path: "lsm", value: "", err: os.ErrNotExist}, label: setting{path: "attr", value: "", err: unix.EINVAL}}
	expect(t, securityItems(none), want{"security.modules", OK, "no security module"}, want{id: "security.apparmor", words: absent}, want{id: "security.selinux", words: absent})
	f := none
	f.modules, f.label, f.restrict = setting{path: "lsm", value: "capability,apparmor"}, setting{path: "attr", value: "unconfined"}, setting{path: "restrict", value: "1"}
	expect(t, securityItems(f), want{"security.modules", OK, "capability,apparmor"}, want{"security.apparmor", Warning, "apparmor_parser"})
	f.profile = "/etc/apparmor.d/roost"
	expect(t, securityItems(f), want{"security.apparmor", OK, ""})
	f.profile, f.label.value = "", "roost (unconfined)"
	expect(t, securityItems(f), want{"security.apparmor", OK, ""}, want{"security.modules", Note, `"roost"`})
	f.label.value, f.caller = "unconfined", root()
	expect(t, securityItems(f), want{"security.apparmor", OK, "root"})
	f = none
	f.label, f.enforcing = setting{path: "attr", value: "unconfined_u:unconfined_r:unconfined_t:s0"}, setting{path: "enforce", value: "1"}
	expect(t, securityItems(f), want{"security.selinux", Note, "chcon"})
}

func TestMounts(t *testing.T) {
	fine := mountFacts{possible: true, idmapped: probe.Answer{Verdict: probe.Yes}}
	expect(t, mountItems(fine), want{"mounts.proc", OK, ""}, want{"mounts.sysfs", OK, ""}, want{"mounts.overlay", OK, ""}, want{"mounts.idmapped", OK, ""})
	expect(t, mountItems(mountFacts{}), want{"mounts.proc", Note, "not tried"})
	refused := &launch.Error{Step: launch.Step{Label: "mount proc"}, Errno: unix.EPERM}
	f := mountFacts{possible: true, proc: refused, sysfs: refused, overlay: unix.ENODEV, covered: []string{"/proc/kcore"}, filesystems: setting{path: "/proc/filesystems", value: "nodev\tproc"},
		idmapped: probe.Answer{Verdict: probe.No, Err: unix.EINVAL}}
	expect(t, mountItems(f), want{"mounts.proc", Warning, "/proc/kcore"}, want{"mounts.sysfs", Note, "stands in"}, want{"mounts.overlay", Warning, "modprobe overlay"}, want{"mounts.idmapped", Note, "no id-mapped"})
}

func TestKernelAndTools(t *testing.T) {
	needed := probe.Feature{Name: "clone3", Needed: true, For: "x"}
	for verdict, state := range map[probe.Verdict]State{probe.Yes: OK, probe.No: Error, probe.Unknown: Note} {
		needed.Answer = probe.Answer{Verdict: verdict}
		if verdict != probe.Yes {
			needed.Answer.Err = unix.ENOSYS
		}
		expect(t, kernelItems([]probe.Feature{needed}), want{"kernel.clone3", state, "clone3"})
	}
	expect(t, kernelItems([]probe.Feature{{Name: "psi", Answer: probe.Answer{Verdict: probe.No, Err: unix.ENOENT}}}), want{"kernel.psi", Note, "no psi"})
	list := tools(nil)
	expect(t, toolItems([]toolFacts{{tool: list[0]}, {tool: list[1]}, {tool: list[2], path: "/usr/bin/slirp4netns", version: "1.2"}, {tool: list[3], path: "/x", err: errors.New("exit status 127")}}),
		want{"tools.roost-seccomp", Warning, "libseccomp"}, want{"tools.pasta", Note, "passt"}, want{"tools.slirp4netns", OK, "1.2"}, want{"tools.fuse-overlayfs", Note, "127"})
}

func TestNetwork(t *testing.T) {
	f := networkFacts{alice(), setting{path: "port_start", value: "1024"}, setting{path: "ping", value: "1\t0"}}
	expect(t, networkItems(f), want{"network.ports", Note, "below 1024"}, want{"network.ping", Note, "2147483647"})
	f.ports.value, f.ping.value = "80", "0\t2147483647"
	expect(t, networkItems(f), want{"network.ports", OK, ""}, want{"network.ping", OK, ""})
	f.ports, f.ping = setting{path: "port_start", value: "", err: unix.EACCES}, setting{path: "ping", value: "", err: unix.EACCES}
	expect(t, networkItems(f), want{"network.ports", Note, "permission denied"}, want{"network.ping", Note, "cannot be told"})
	f.caller = root()
	if items := networkItems(f); items != nil {
		t.Error(items)
	}
}
