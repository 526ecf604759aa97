package terminal

import (
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// startForwarder runs the role of that name, through the shell words before it.
func startForwarder(t *testing.T, before string, attr *syscall.SysProcAttr) (cmd *exec.Cmd, k *talk, pid int) {
	t.Helper()
	k = newTalk(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd = exec.Command("sh", "-c", before+` exec "$0"`, self)
	cmd.Env = append(os.Environ(), roleVariable+"=forwarder")
	cmd.Stderr = os.Stderr
	cmd.ExtraFiles = []*os.File{k.theirs, k.takes}
	cmd.SysProcAttr = attr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	k.started()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	if _, err := fmt.Sscanf(k.next(), "ready %d", &pid); err != nil {
		t.Fatal(err)
	}
	return cmd, k, pid
}

// aJob has a process group of its own, with us in the place of the shell.
func aJob() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

func TestSignalsBeforeTheProcessAreKept(t *testing.T) {
	cmd, k, pid := startForwarder(t, "", aJob())
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT} {
		kill(t, pid, sig)
		time.Sleep(20 * time.Millisecond) // the kernel keeps no order among pending standard signals
	}
	k.order("started")
	got := map[string]bool{}
	for range 4 {
		got[k.next()] = true
	}
	for _, want := range []string{"signal 2", "signal 15", "signal 1", "forwarding"} {
		if !got[want] {
			t.Errorf("no %q in %v", want, got)
		}
	}
	k.order("gone")
	k.expect("gone")
	kill(t, pid, syscall.SIGUSR1) // asks nobody to end
	kill(t, pid, syscall.SIGTERM)
	k.expect("interrupted: terminated", "(end)")
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

func TestEverySignalIsForwarded(t *testing.T) {
	_, k, pid := startForwarder(t, "", aJob())
	k.order("started")
	k.expect("forwarding")
	allCaught(t, k, pid)
	for sig := syscall.Signal(1); sig < lastSignal; sig++ {
		if isOurs(sig) || sig == syscall.SIGTSTP {
			continue
		}
		kill(t, pid, sig)
		k.expect(fmt.Sprintf("signal %d", sig))
	}
}

func TestOwnSignalsAreNotForwarded(t *testing.T) {
	_, k, pid := startForwarder(t, "", aJob())
	k.order("started")
	k.expect("forwarding")
	allCaught(t, k, pid)
	for _, sig := range []syscall.Signal{syscall.SIGCHLD, syscall.SIGPIPE, syscall.SIGURG, syscall.SIGPROF} {
		kill(t, pid, sig)
	}
	kill(t, pid, syscall.SIGUSR2)
	k.expect("signal 12")
}

// nohup, and the background of a shell without job control.
func TestIgnoredFromTheStartStaysIgnored(t *testing.T) {
	_, k, pid := startForwarder(t, "trap '' HUP INT;", aJob())
	k.order("started")
	k.expect("forwarding")
	allCaught(t, k, pid)
	kill(t, pid, syscall.SIGHUP)
	kill(t, pid, syscall.SIGINT)
	kill(t, pid, syscall.SIGUSR2)
	k.expect("signal 12")
}

// SIGTSTP goes to the process and then stops us, so that the shell gets its prompt back; as often as the user likes.
func TestStopAndContinue(t *testing.T) {
	cmd, k, pid := startForwarder(t, "", aJob())
	k.order("started")
	k.expect("forwarding")
	allCaught(t, k, pid)
	for range 3 {
		kill(t, pid, syscall.SIGTSTP)
		k.expect("signal 20")
		var status unix.WaitStatus
		if _, err := unix.Wait4(cmd.Process.Pid, &status, unix.WUNTRACED, nil); err != nil || !status.Stopped() {
			t.Fatalf("status %#x, %v, want stopped", status, err)
		}
		kill(t, pid, syscall.SIGCONT)
		k.expect("signal 18")
	}
}

// Nobody would ever continue a process group without a shell: then the signal is sent on, and that is all.
func TestOrphansAreNotStopped(t *testing.T) {
	_, k, pid := startForwarder(t, "", &syscall.SysProcAttr{Setsid: true})
	k.order("started")
	k.expect("forwarding")
	allCaught(t, k, pid)
	for range 3 {
		kill(t, pid, syscall.SIGTSTP)
		k.expect("signal 20")
	}
	kill(t, pid, syscall.SIGUSR1)
	k.expect("signal 10")
}

func TestJobControlOnATerminal(t *testing.T) {
	master, slave := pty(t)
	cooked, err := modes(slave)
	if err != nil {
		t.Fatal(err)
	}
	job, ctl := newTalk(t), newTalk(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), roleVariable+"=shell")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, os.Stderr
	cmd.ExtraFiles = []*os.File{job.theirs, job.takes, ctl.theirs, ctl.takes}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	job.started()
	ctl.started()
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	var pid int
	if _, err := fmt.Sscanf(job.next(), "ready %d", &pid); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGKILL) })
	isRaw := func() bool {
		now, err := modes(master)
		if err != nil {
			t.Fatal(err)
		}
		return *now != *cooked
	}
	stopped := fmt.Sprintf("stopped by %d cooked=true", syscall.SIGTTOU)

	job.order("started")
	job.expect("forwarding")
	if !isRaw() {
		t.Error("not raw in the foreground")
	}
	kill(t, pid, syscall.SIGTSTP)
	job.expect("signal 20")
	ctl.expect(stopped)

	ctl.order("fg")
	job.expect("resize", "signal 18")
	if !isRaw() {
		t.Error("not raw after fg")
	}
	if err := SetSize(master, 10, 10); err != nil {
		t.Fatal(err)
	}
	job.expect("resize")

	kill(t, pid, syscall.SIGTSTP)
	job.expect("signal 20")
	ctl.expect(stopped)
	ctl.order("bg")
	ctl.expect("in background")
	job.expect("resize", "signal 18")
	if isRaw() {
		t.Error("raw in the background")
	}
	ctl.order("fg")
	job.expect("resize", "signal 18")
	if !isRaw() {
		t.Error("not raw after bg and fg")
	}
	job.order("gone")
	job.expect("gone")
	kill(t, pid, syscall.SIGINT)
	job.expect("interrupted: interrupt", "(end)")
	ctl.expect("ended 0 cooked=true")
}

func TestQueue(t *testing.T) {
	var q queue
	for _, sig := range []syscall.Signal{10, 15, 10, 40, 40, 15} {
		q.add(sig)
	}
	if got := fmt.Sprintf("%d", q.take()); got != "[10 15 40 40]" {
		t.Errorf("held %s", got)
	}
	if q.take() != nil {
		t.Error("taken twice")
	}
}

// Stopping while somebody aims, raw or not, neither hangs nor races.
func TestConcurrentUse(t *testing.T) {
	_, slave := pty(t)
	for range 20 {
		s := Catch()
		var wg sync.WaitGroup
		for _, do := range []func(){
			func() { s.Forward(func(syscall.Signal) error { return nil }, nil) },
			func() { s.Gone(t.Context()) },
			func() { _ = s.Raw(slave) },
			s.Stop,
		} {
			wg.Go(do)
		}
		within(t, "Stop", wg.Wait)
		s.Stop()
	}
}

// allCaught returns when the last signal of the rest arrives. Until then Go catches most of them and does nothing.
func allCaught(t *testing.T, k *talk, pid int) {
	t.Helper()
	timeout := time.After(hang)
	for heard := false; !heard; {
		kill(t, pid, lastSignal)
		select {
		case line := <-k.lines:
			if heard = line == "signal 64"; !heard {
				t.Fatalf("told %q", line)
			}
		case <-time.After(5 * time.Millisecond):
		case <-timeout:
			t.Fatal("the rest of the signals is never caught")
		}
	}
	k.skip = "signal 64" // what was sent twice
}

func kill(t *testing.T, pid int, sig syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(pid, sig); err != nil {
		t.Fatal(err)
	}
}
