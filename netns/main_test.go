package netns

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// The tests run in a network namespace of their own, as root in it: a test that goes wrong has no device of the machine to take.
const insideEnv = "ROOST_NETNS_INSIDE"

func TestMain(m *testing.M) {
	if os.Getenv(insideEnv) != "" {
		os.Exit(m.Run())
	}
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Env = append(os.Environ(), insideEnv+"=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET}
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= unix.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	if err := cmd.Run(); err != nil {
		if cmd.ProcessState == nil {
			fmt.Println("skipped: namespaces are missing:", err)
			os.Exit(0)
		}
		os.Exit(cmd.ProcessState.ExitCode())
	}
}

// another makes a network namespace, which lives as long as the file.
func another(t *testing.T) *os.File {
	t.Helper()
	type result struct {
		fd  int
		err error
	}
	done := make(chan result)
	go func() { // the thread ends with the goroutine
		runtime.LockOSThread()
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			done <- result{-1, err}
			return
		}
		fd, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		done <- result{fd, err}
	}()
	r := <-done
	if r.err != nil {
		t.Fatal(r.err)
	}
	f := os.NewFile(uintptr(r.fd), "namespace")
	t.Cleanup(func() { f.Close() })
	return f
}

// ip runs the command here, or in a namespace.
func ip(t *testing.T, in *os.File, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip("ip is missing: install iproute2")
	}
	cmd := exec.Command("ip", args...)
	if in != nil {
		cmd = exec.Command("nsenter", append([]string{"--net=/proc/self/fd/3", "ip"}, args...)...)
		cmd.ExtraFiles = []*os.File{in}
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		t.Fatalf("ip %s: %v: %s", strings.Join(args, " "), err, out.String())
	}
	return out.String()
}

// veth makes a pair, called name and name-peer, that is removed when the test ends.
func veth(t *testing.T, name string) {
	t.Helper()
	ip(t, nil, "link", "add", "name", name, "type", "veth", "peer", "name", name+"-peer")
	t.Cleanup(func() { _ = exec.Command("ip", "link", "delete", name+"-peer").Run() })
}
