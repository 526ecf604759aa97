package clients

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// containerd is started once, on a socket, a root and a state of its own, and ended with the tests. Its shims keep their
// sockets in /run, which tests/run.sh makes a private one.
var containerd = sync.OnceValue(func() error {
	dir := desk.at("containerd")
	if err := os.Mkdir(dir, 0o711); err != nil {
		return err
	}
	// The drop-in is imported, so containerd refuses to start where it cannot be read.
	drop, err := contrib("containerd-1.toml", desk.runtime)
	if err != nil {
		return err
	}
	if err := os.WriteFile(dir+"/roost.toml", []byte(drop), 0o644); err != nil {
		return err
	}
	config := fmt.Sprintf("version = 2\nroot = %q\nstate = %q\nimports = [%q]\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\", "+
		"\"io.containerd.internal.v1.opt\", \"io.containerd.snapshotter.v1.btrfs\", \"io.containerd.snapshotter.v1.zfs\", "+
		"\"io.containerd.snapshotter.v1.aufs\", \"io.containerd.snapshotter.v1.devmapper\"]\n[grpc]\naddress = %q\n[debug]\nlevel = \"warn\"\n",
		dir+"/root", dir+"/state", dir+"/roost.toml", dir+"/sock")
	if err := os.WriteFile(dir+"/config.toml", []byte(config), 0o644); err != nil {
		return err
	}
	log, err := os.Create(dir + "/log")
	if err != nil {
		return err
	}
	cmd := exec.Command("containerd", "--config", dir+"/config.toml")
	cmd.Env, cmd.Stdout, cmd.Stderr = desk.environment(), log, log
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	desk.daemons = append(desk.daemons, func() {
		cmd.Process.Signal(syscall.SIGTERM)
		<-ended
		log.Close()
	})
	return awaitSocket(dir+"/sock", dir+"/log", ended)
})

func awaitSocket(socket, log string, ended chan error) error {
	for range 3000 {
		if conn, err := net.Dial("unix", socket); err == nil {
			return conn.Close()
		}
		select {
		case err := <-ended:
			ended <- err
			text, _ := os.ReadFile(log)
			return fmt.Errorf("containerd ended: %w: %s", err, text)
		default:
			syscall.Select(0, nil, nil, nil, &syscall.Timeval{Usec: 20_000})
		}
	}
	return fmt.Errorf("containerd does not listen")
}

func ctr(t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	needRoot(t)
	need(t, "ctr", "install containerd; it is in contrib/setup.sh test")
	if err := containerd(); err != nil {
		t.Fatal(err)
	}
	// The namespace names the cgroup too: /NAMESPACE/ID.
	return exec.Command("ctr", append([]string{"--address", desk.at("containerd/sock"), "--namespace", strings.TrimPrefix(desk.cgroup, "/")}, args...)...)
}

// ctrRun runs a container over the shared root file system. Without --env there would be no PATH: what ctr takes from
// an image it does not have.
func ctrRun(t testing.TB, flags []string, id string, payload ...string) *exec.Cmd {
	t.Helper()
	args := append([]string{"run", "--rootfs", "--runc-binary", desk.runtime, "--runc-root", desk.at("containerd/runtime"),
		"--env", "PATH=/bin"}, flags...)
	return ctr(t, append(append(args, desk.rootfs, id), payload...)...)
}

func TestContainerdRun(t *testing.T) {
	rm := []string{"--rm"}
	finish(t, ctrRun(t, rm, "plain", "sh", "-c", "id -u; grep NoNewPrivs /proc/self/status")).want(t, 0, "0\n", "NoNewPrivs:\t1")
	finish(t, ctrRun(t, rm, "nine", "sh", "-c", "exit 9")).want(t, 9)
	// The words come from the runtime's log, a stream of JSON objects of which containerd takes the last error.
	finish(t, ctrRun(t, rm, "missing", "no-such-program")).want(t, 1, "OCI runtime create failed", `exec: "no-such-program": executable file not found in $PATH`)
	finish(t, ctrRun(t, rm, "forbidden", "/etc/canary")).want(t, 1, "OCI runtime create failed", "permission denied")
	finish(t, onTerminal(ctrRun(t, []string{"--rm", "--tty"}, "terminal", "tty"))).want(t, 0, "/dev/pts/0")
}

func TestContainerdTasks(t *testing.T) {
	finish(t, ctrRun(t, []string{"--detach"}, "task", "sh", "-c", sleeper)).want(t, 0)
	removed := false
	t.Cleanup(func() {
		if !removed {
			finish(t, ctr(t, "tasks", "rm", "--force", "task"))
		}
		finish(t, ctr(t, "containers", "rm", "task")).want(t, 0)
	})
	finish(t, ctr(t, "tasks", "ls")).want(t, 0, "task", "RUNNING")
	if r := finish(t, ctr(t, "tasks", "ps", "task")).want(t, 0, "PID"); len(strings.Split(strings.TrimSpace(r.Out), "\n")) < 2 {
		t.Errorf("no process: %v", r)
	}
	finish(t, ctr(t, "tasks", "exec", "--exec-id", "e1", "task", "sh", "-c", "id -u; exit 8")).want(t, 8, "0\n")
	finish(t, ctr(t, "tasks", "exec", "--exec-id", "e2", "task", "no-such-program")).want(t, 1, "OCI runtime exec failed", "executable file not found in $PATH")
	finish(t, onTerminal(ctr(t, "tasks", "exec", "--tty", "--exec-id", "e3", "task", "tty"))).want(t, 0, "/dev/pts/")
	finish(t, ctr(t, "tasks", "kill", "--signal", "SIGTERM", "task")).want(t, 0)
	eventually(t, "the task stops", func() bool { return strings.Contains(finish(t, ctr(t, "tasks", "ls")).Out, "STOPPED") })
	finish(t, ctr(t, "tasks", "rm", "task")).want(t, 0, "exit code 3")
	removed = true
}

func TestLongContainerdFlags(t *testing.T) {
	for _, c := range []struct {
		name, flags, payload string
		says                 []string
	}{
		{"read-only", "--read-only --cwd /tmp --env A=B", "echo $A $PWD; ! touch /etc/x", []string{"B /tmp"}},
		{"mount", "--mount type=bind,src=/etc,dst=/mnt,options=rbind:ro", "ls /mnt/passwd", []string{"/mnt/passwd"}},
		{"seccomp", "--seccomp", "grep Seccomp: /proc/self/status", []string{"Seccomp:\t2"}},
		{"privileged", "--privileged --allow-new-privs", "grep NoNewPrivs /proc/self/status; ls /dev", []string{"NoNewPrivs:\t0", "full"}},
		{"host-network", "--net-host", "cat /etc/hosts; readlink /proc/self/ns/net", nil},
		{"join", "--with-ns network:/proc/self/ns/net --rootfs-propagation rslave", "id", nil},
		{"device", "--device /dev/null --cap-add CAP_SYS_ADMIN", "id", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			finish(t, ctrRun(t, append([]string{"--rm"}, strings.Fields(c.flags)...), "flags-"+c.name, "sh", "-c", c.payload)).want(t, 0, c.says...)
		})
	}
}

func TestLongContainerdRefused(t *testing.T) {
	if !isRoost() {
		t.Skipf("roost: %s may have a checkpoint", desk.runtime)
	}
	finish(t, ctrRun(t, []string{"--detach"}, "refused", "sh", "-c", sleeper)).want(t, 0)
	t.Cleanup(func() {
		finish(t, ctr(t, "tasks", "rm", "--force", "refused"))
		finish(t, ctr(t, "containers", "rm", "refused")).want(t, 0)
	})
	if r := finish(t, ctr(t, "tasks", "pause", "refused")); r.Code != 0 {
		r.want(t, 1, "pause")
	} else {
		finish(t, ctr(t, "tasks", "resume", "refused")).want(t, 0)
	}
	if r := finish(t, ctr(t, "tasks", "checkpoint", "refused")); r.Code == 0 {
		t.Errorf("a checkpoint was made: %v", r)
	}
	finish(t, ctr(t, "tasks", "exec", "--exec-id", "after", "refused", "true")).want(t, 0)
}
