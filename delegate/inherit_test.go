package delegate

import (
	"errors"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func refusal(err error) *NotDelegatedError {
	var e *NotDelegatedError
	if errors.As(err, &e) {
		return e
	}
	return nil
}

// transient is systemd-run for whoever runs the test.
func transient(more ...string) []string {
	command := []string{"systemd-run", "--quiet", "--collect", "--setenv=" + questionsVariable}
	if os.Geteuid() != 0 {
		command = append(command, "--user")
	}
	return append(command, more...)
}

func request(mode string, controllers ...string) question {
	return question{Mode: mode, Controllers: controllers}
}

// pids is "pids" where the machine delegates that controller, so that the same test shows what goes without.
func pids(t *testing.T) []string {
	t.Helper()
	c := thisCaller(os.Getenv)
	if (Request{Controllers: []string{"pids"}}).controllersOf(c, mustMount(t)) != nil {
		return nil
	}
	return []string{"pids"}
}

func mustMount(t *testing.T) string {
	p, err := look()
	if err != nil {
		t.Skip("needs cgroup v2:", err)
	}
	return p.mount
}

func TestADelegatedUnitIsInherited(t *testing.T) {
	real(t)
	limited := pids(t)
	making, split := request(Inherit), request("", limited...)
	making.Make, split.Make = true, true
	for _, kind := range [][]string{{"--scope"}, {"--pipe", "--wait"}} {
		// The order counts: what one has found out, or made, the next one finds.
		a := ask(t, transient(append(kind, "--property=Delegate=yes")...), nil, request(""), making, request(Inherit, limited...), split, request(Inherit, limited...), request(None))
		unit := a[0].Own
		byHand := os.Geteuid() != 0 && kind[0] == "--scope" // nobody is asked, so nobody knows
		if want := map[bool]string{false: Inherit, true: None}[byHand]; a[0].Mode != want || a[0].Err != "" {
			t.Errorf("%v, without limits: %+v", kind, a[0])
		}
		if a[1].Mode != Inherit || path.Base(a[1].Path) != "roost-box" || a[1].Born != unit+"/roost-box" || a[1].Err != "" {
			t.Errorf("%v, inherit: %+v", kind, a[1])
		}
		if a[5].Mode != None || a[5].Path != "" {
			t.Errorf("%v, none: %+v", kind, a[5])
		}
		if len(limited) == 0 {
			continue
		}
		if !strings.Contains(a[2].Err, "--cgroups split") || !slices.Equal(a[2].Missing, limited) {
			t.Errorf("%v, controllers among processes: %+v", kind, a[2])
		}
		if a[3].Mode != Split || a[3].Own != unit+"/supervisor" || a[3].Born != unit+"/roost-box" || !slices.Contains(a[3].Controllers, "pids") || a[3].Err != "" {
			t.Errorf("%v, split: %+v", kind, a[3])
		}
		// From supervisor/ on there is nobody to move any more.
		if a[4].Mode != Inherit || a[4].Path != a[3].Path || len(a[4].Enable) != 0 || a[4].Err != "" {
			t.Errorf("%v, afterwards: %+v", kind, a[4])
		}
	}
}

func TestAServiceWithoutDelegateIsNotLeft(t *testing.T) {
	real(t)
	filter := request("")
	filter.Needed = true
	filter.Make = true
	named := request("")
	named.CgroupsPath, named.Systemd = ":roost:"+strings.ToLower(name(t)), true
	a := ask(t, transient("--pipe", "--wait"), nil, request(""), request("", "memory"), request(Split), filter, named, request(Scope))
	if a[0].Mode != None || a[0].Err != "" {
		t.Errorf("%+v", a[0])
	}
	for _, i := range []int{1, 2} {
		if !strings.Contains(a[i].Err, "Delegate=yes") || !strings.Contains(a[i].Err, ".service has no Delegate") {
			t.Errorf("%d: %+v", i, a[i])
		}
	}
	if a[3].Mode != Inherit || path.Dir(a[3].Born) != a[3].Own {
		t.Errorf("for a device filter: %+v", a[3])
	}
	if a[4].Mode != Scope || a[5].Mode != Scope {
		t.Errorf("by name: %+v %+v", a[4], a[5])
	}
}

func TestFromASessionOutsideOfTheManagersTree(t *testing.T) {
	real(t)
	p, err := look()
	if err != nil || marked(p.dir(p.unit)) || p.service() {
		t.Skip("needs to be started in a scope that is not delegated:", p.own, err)
	}
	a := ask(t, nil, nil, request(""), request("", pids(t)...), request(Inherit))
	if a[0].Mode != None || a[0].Err != "" {
		t.Errorf("%+v", a[0])
	}
	if len(pids(t)) > 0 && a[1].Mode != Scope {
		t.Errorf("%+v", a[1])
	}
	if !strings.Contains(a[2].Err, "no Delegate=yes") {
		t.Errorf("%+v", a[2])
	}
}

// owned is a cgroup of the test's own, made by root.
func owned(t *testing.T, below string) string {
	t.Helper()
	if os.Geteuid() != 0 {
		lacking(t, "root", "root")
	}
	p, err := look()
	if err != nil {
		t.Skip("needs cgroup v2:", err)
	}
	dir := filepath.Join(p.mount, strings.ReplaceAll(name(t), "/", "-")+below)
	if err := os.Mkdir(dir, 0o755); errors.Is(err, os.ErrPermission) {
		t.Skip("needs to make cgroups:", err)
	} else if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.Remove(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

const someone = 54321

// as makes a command one of another user's, born in a cgroup.
func as(t *testing.T, uid int, dir string) func(*exec.Cmd) {
	t.Helper()
	d, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return func(cmd *exec.Cmd) { cmd.SysProcAttr = credential(uid, int(d.Fd())) }
}

func TestACgroupThatAnAdministratorMade(t *testing.T) {
	dir := owned(t, "")
	start := owned(t, "/start")
	elsewhere := owned(t, "-elsewhere")
	d, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	mount := filepath.Dir(dir)
	inside := question{CgroupsPath: "/" + filepath.Base(dir) + "/a", Make: true}

	a := ask(t, []string{copied(t)}, as(t, someone, start), inside)
	if !slices.Equal(a[0].Missing, []string{dir}) || !strings.Contains(a[0].Err, dir) {
		t.Errorf("not handed over yet: %+v", a[0])
	}
	if err := Chown(d, someone, someone); err != nil {
		t.Fatal(err)
	}
	a = ask(t, []string{copied(t)}, as(t, someone, start), inside)
	if a[0].Mode != Path || a[0].Err != "" || a[0].Born != inside.CgroupsPath {
		t.Errorf("handed over: %+v", a[0])
	}
	a = ask(t, []string{copied(t)}, as(t, someone, elsewhere), question{CgroupsPath: inside.CgroupsPath, Mode: Inherit})
	if !slices.Equal(a[0].Missing, []string{mount + "/cgroup.procs"}) {
		t.Errorf("from elsewhere: %+v", a[0])
	}
}

// Whoever has left its cgroup namespace has no path to where it is.
func TestOutsideOfTheCgroupNamespace(t *testing.T) {
	first, second := owned(t, "-a"), owned(t, "-b")
	d, err := os.Open(first)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	in, word, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	go func() {
		defer word.Close()
		for range 500 {
			b, _ := os.ReadFile(first + "/cgroup.procs")
			if pids := strings.Fields(string(b)); len(pids) == 1 && readLink("/proc/"+pids[0]+"/exe") == readLink("/proc/self/exe") {
				if err := os.WriteFile(second+"/cgroup.procs", []byte(pids[0]), 0); err != nil {
					t.Error(err)
				}
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Error("nobody came")
	}()
	a := ask(t, nil, func(cmd *exec.Cmd) {
		cmd.Stdin = in
		cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(d.Fd()), Cloneflags: syscall.CLONE_NEWNS | unix.CLONE_NEWCGROUP}
	}, request(""), request(Inherit), question{CgroupsPath: "a", Mode: Inherit}, request(None))
	if a[0].Mode != None || a[3].Mode != None || !strings.HasPrefix(a[0].Own, "/../") {
		t.Errorf("%+v", a)
	}
	for _, i := range []int{1, 2} {
		if !strings.Contains(a[i].Err, "outside of the cgroup namespace") {
			t.Errorf("%+v", a[i])
		}
	}
}

func readLink(name string) string {
	s, _ := os.Readlink(name)
	return s
}
