package integration

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// needBus is for what asks a service manager: an ordinary user's own one, root's the system's.
func needBus(t testing.TB) {
	t.Helper()
	needRoost(t)
	socket := "/run/systemd/private"
	if !isRoot() {
		socket = filepath.Join(os.Getenv("XDG_RUNTIME_DIR"), "systemd/private")
	}
	c, err := net.Dial("unix", socket)
	if err != nil {
		missing(t, "bus", "no systemd of this user's answers; run it in the machine (tests/vm/README.md)")
	}
	c.Close()
}

// systemctl asks the manager that the test's units belong to, and answers what it printed.
func systemctl(t testing.TB, args ...string) string {
	t.Helper()
	out, err := ctl(args...).CombinedOutput()
	if err != nil {
		t.Fatalf("systemctl %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

func ctl(args ...string) *exec.Cmd {
	if !isRoot() {
		args = append([]string{"--user"}, args...)
	}
	return exec.Command("systemctl", append(args, "--no-pager")...)
}

// property is one of a unit's, as `systemctl show` prints it.
func property(t testing.TB, unit, name string) string {
	t.Helper()
	args := []string{"show", "--value", "--property", name}
	if unit != "" { // else of the manager
		args = append(args, unit)
	}
	return systemctl(t, args...)
}

func mainPID(t testing.TB, unit string) int {
	t.Helper()
	pid, err := strconv.Atoi(property(t, unit, "MainPID"))
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// unitDirs are where units lie until the next boot, and what %t is in them.
func unitDirs() (units, runtime string) {
	if isRoot() {
		return "/run/systemd/system", "/run"
	}
	return os.Getenv("XDG_RUNTIME_DIR") + "/systemd/user", os.Getenv("XDG_RUNTIME_DIR")
}

// unit installs one of the units in contrib/systemd for a bundle of this test's, and answers the name of its instance for the
// container id. Replacements are pairs of what is to be something else in the unit.
func unit(t testing.TB, id, template string, mutate func(*specs.Spec), replacements ...string) (name string) {
	t.Helper()
	contrib := os.Getenv("ROOST_TEST_CONTRIB")
	if contrib == "" {
		contrib = "../../contrib"
	}
	raw, err := os.ReadFile(filepath.Join(contrib, "systemd", template))
	if err != nil {
		t.Fatal(err)
	}
	replacements = append(replacements, "@BINDIR@/roost", fmt.Sprintf("%s --root %s", home.roost, stateRoot(t)))
	if mutate != nil {
		replacements = append(replacements, "%h/containers/%i", newBundle(t, mutate))
	}
	text := strings.NewReplacer(replacements...).Replace(string(raw))
	dir, _ := unitDirs()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, template)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	front, back, _ := strings.Cut(template, "@")
	name = front + "@" + id + back
	systemctl(t, "daemon-reload")
	t.Cleanup(func() {
		if t.Failed() {
			out, _ := ctl("status", "--full", name).CombinedOutput()
			t.Logf("%s", out)
		}
		ctl("stop", name).Run()
		ctl("reset-failed", name).Run()
		os.Remove(path)
		systemctl(t, "daemon-reload")
	})
	return name
}

// cgroupOf is the path of a process in the unified hierarchy, or what went wrong.
func cgroupOf(pid int) string {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		return err.Error()
	}
	for _, line := range lines(string(raw)) {
		if path, ok := strings.CutPrefix(line, "0::"); ok {
			return path
		}
	}
	return "no cgroup v2"
}

// needController is for limits that take this controller: the manager has to have it, for units and for what it delegates.
func needController(t testing.TB, controller string) {
	t.Helper()
	needBus(t)
	if !hasController(t, controller) {
		missing(t, controller, "not among the controllers of "+managed(t)+"; see docs/systemd.md")
	}
}

func hasController(t testing.TB, controller string) bool {
	t.Helper()
	raw, err := os.ReadFile(managed(t) + "/cgroup.controllers")
	return err == nil && slices.Contains(strings.Fields(string(raw)), controller)
}

// managed is the cgroup below which the manager puts its units.
func managed(t testing.TB) string {
	t.Helper()
	return filepath.Join(cgroupMount(t), property(t, "", "ControlGroup"))
}

// usedShare measures how much of one CPU a cgroup uses.
func usedShare(t testing.TB, group string, during time.Duration) float64 {
	t.Helper()
	before, begin := cgroupNumber(t, group+"/cpu.stat", "usage_usec"), time.Now()
	time.Sleep(during)
	after, took := cgroupNumber(t, group+"/cpu.stat", "usage_usec"), time.Since(begin)
	return float64(after-before) / float64(took.Microseconds())
}

// cgroupNumber reads one of the numbers of a file of lines of "name number".
func cgroupNumber(t testing.TB, file, name string) int64 {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range lines(string(raw)) {
		if text, ok := strings.CutPrefix(line, name+" "); ok {
			n, err := strconv.ParseInt(text, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatalf("%s has no %s: %s", file, name, raw)
	return 0
}
