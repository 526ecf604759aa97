package clients

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// conmon runs a bundle as podman and CRI-O have it run: the monitor calls `create`, whoever started the monitor calls
// `start`, and the monitor writes down how it ended.
type conmon struct {
	id, dir string
	t       testing.TB
}

func newConmon(t testing.TB, terminal bool, payload ...string) conmon {
	t.Helper()
	need(t, "conmon", "install conmon; it is in contrib/setup.sh test")
	c := conmon{id: strings.ToLower(t.Name()), t: t}
	var err error
	if c.dir, err = os.MkdirTemp(desk.at("bundles"), "c-"); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"exits", "sockets", "persist"} {
		if err := os.Mkdir(c.at(dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	spec := []string{"spec", "--bundle", c.dir}
	if !isRoot() {
		spec = append(spec, "--rootless")
	}
	c.runtime(spec...).want(t, 0)
	c.edit(terminal, payload)
	t.Cleanup(func() { c.runtime("delete", "--force", c.id) })
	return c
}

func (c conmon) at(name string) string { return filepath.Join(c.dir, name) }

func (c conmon) runtime(args ...string) result {
	c.t.Helper()
	return finish(c.t, exec.Command(desk.runtime, args...))
}

func (c conmon) edit(terminal bool, payload []string) {
	c.t.Helper()
	raw, err := os.ReadFile(c.at("config.json"))
	if err != nil {
		c.t.Fatal(err)
	}
	var spec map[string]any
	if err := json.Unmarshal(raw, &spec); err != nil {
		c.t.Fatal(err)
	}
	process := spec["process"].(map[string]any)
	process["terminal"], process["args"] = terminal, payload
	spec["root"].(map[string]any)["path"] = desk.rootfs
	if raw, err = json.Marshal(spec); err == nil {
		err = os.WriteFile(c.at("config.json"), raw, 0o644)
	}
	if err != nil {
		c.t.Fatal(err)
	}
}

// watch starts the monitor and returns what it told over its pipe: the pid, or -1 and why.
func (c conmon) watch(flags ...string) (pid int, message string) {
	c.t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		c.t.Fatal(err)
	}
	defer read.Close()
	cmd := exec.Command("conmon", append([]string{
		"--cid", c.id, "--cuuid", c.id, "--name", c.id, "--runtime", desk.runtime, "--bundle", c.dir,
		"--container-pidfile", c.at("pid"), "--conmon-pidfile", c.at("conmon.pid"), "--exit-dir", c.at("exits"),
		"--persist-dir", c.at("persist"), "--socket-dir-path", c.at("sockets"), "--log-path", "k8s-file:" + c.at("log"), "--full-attach",
	}, flags...)...)
	cmd.Env = append(desk.environment(), "_OCI_SYNCPIPE=3")
	cmd.ExtraFiles = []*os.File{write}
	r := finish(c.t, cmd)
	write.Close()
	var told struct {
		Data    int
		Pid     int
		Message string
	}
	if err := json.NewDecoder(read).Decode(&told); err != nil {
		c.t.Fatalf("the monitor said nothing: %v: %v", err, r)
	}
	if told.Pid == 0 {
		told.Pid = told.Data
	}
	return told.Pid, told.Message
}

func (c conmon) read(name string) string {
	raw, _ := os.ReadFile(c.at(name))
	return string(raw)
}

func (c conmon) exit() string {
	c.t.Helper()
	eventually(c.t, "the monitor writes the exit status", func() bool { return c.read("exits/"+c.id) != "" })
	return c.read("exits/" + c.id)
}

func TestConmon(t *testing.T) {
	c := newConmon(t, false, "sh", "-c", "echo to-stdout; echo to-stderr >&2; exit 42")
	pid, message := c.watch()
	if pid <= 0 {
		t.Fatalf("create: %d %s", pid, message)
	}
	if got := strings.TrimSpace(c.read("pid")); got != fmt.Sprint(pid) {
		t.Errorf("the pid file says %q, the monitor %d", got, pid)
	}
	c.runtime("start", c.id).want(t, 0)
	if got := c.exit(); got != "42" {
		t.Errorf("exit status %s", got)
	}
	if log := c.read("log"); !strings.Contains(log, "stdout F to-stdout") || !strings.Contains(log, "stderr F to-stderr") {
		t.Errorf("log: %s", log)
	}
	c.runtime("delete", c.id).want(t, 0)
}

func TestConmonTerminal(t *testing.T) {
	c := newConmon(t, true, "sh", "-c", "tty; exit 3")
	if pid, message := c.watch("--terminal"); pid <= 0 {
		t.Fatalf("create: %d %s", pid, message)
	}
	c.runtime("start", c.id).want(t, 0)
	if got := c.exit(); got != "3" {
		t.Errorf("exit status %s", got)
	}
	if log := c.read("log"); !strings.Contains(log, "/dev/pts/0") {
		t.Errorf("log: %s", log)
	}
	c.runtime("delete", c.id).want(t, 0)
}

// What create says reaches whoever started the monitor.
func TestConmonRefused(t *testing.T) {
	c := newConmon(t, false, "no-such-program")
	pid, message := c.watch()
	if pid >= 0 || !strings.Contains(message, "executable file not found in $PATH") {
		t.Errorf("create: %d %q", pid, message)
	}
}
