package launch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

const secret = "--password=hunter2"

// TestArgvIsWiped: /proc/PID/cmdline may be read by anybody, dumpable or not.
func TestArgvIsWiped(t *testing.T) {
	for _, how := range []string{"plain", "shortened", "no environment", "replaced", "moved"} {
		cmd := exec.Command("/proc/self/exe", "first", secret, "last")
		cmd.Env = []string{roleEnv + "=secret", "HOW=" + how, "TOKEN=" + secret}
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		name, cmdline, _ := strings.Cut(string(out), "\n")
		if name != "roost: [init]" {
			t.Errorf("%s: comm is %q", how, name)
		}
		if how != "replaced" && (strings.TrimRight(cmdline, "\x00") != "roost: [init]" || strings.Contains(cmdline, "TOKEN")) {
			t.Errorf("%s: cmdline is %q", how, cmdline)
		}
		if how == "replaced" && !strings.Contains(cmdline, "first") { // nobody knows any more where they were
			t.Errorf("%s: cmdline is %q: what was written to?", how, cmdline)
		}
	}
}

// playSecret prints comm and cmdline of a child at a sync point.
func playSecret() int {
	switch os.Getenv("HOW") {
	case "shortened":
		os.Args = os.Args[:1]
	case "no environment":
		os.Clearenv()
	case "replaced":
		os.Args = []string{string([]byte("on the heap")), "constant"}
	case "moved":
		os.Args[0], os.Args[1], os.Args[3] = os.Args[1], os.Args[3], os.Args[0]
	}
	b := &Builder{StatusFD: 3}
	b.Sync("look", 0, nil, Arg{}, 0, func(c *Child, _ []*os.File) ([]byte, error) {
		for _, name := range []string{"comm", "cmdline"} {
			p, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", c.Pid(), name))
			if err != nil {
				return nil, err
			}
			os.Stdout.Write(p)
		}
		return nil, nil
	})
	b.Stop(0)
	p, err := b.Program()
	if err != nil {
		return 2
	}
	c, err := Start(p, Options{})
	if err == nil {
		err = c.Drive(context.Background())
	}
	if err != nil {
		fmt.Println(err)
		return 1
	}
	ws, _ := c.Wait()
	return ws.ExitStatus()
}

// private are files of /proc/PID that tell what our memory, environment and descriptors hold.
var private = []string{"environ", "mem", "maps", "auxv", "fd", "fdinfo", "exe", "cwd", "root", "io", "stack", "ns/user"}

// readPrivate tries them: what the first bytes are, or why they cannot be had.
func readPrivate(pid int, name string) error {
	path := fmt.Sprintf("/proc/%d/%s", pid, name)
	switch name {
	case "exe", "cwd", "root", "ns/user":
		_, err := os.Readlink(path)
		return err
	case "fd", "fdinfo":
		_, err := os.ReadDir(path)
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if name == "mem" {
		return nil // opening is what needs the right
	}
	_, err = f.Read(make([]byte, 1))
	return err
}

// TestUndumpable: once a program gave up being dumpable, neither another process of the same user can look into the forked
// image of us, nor root of the new user namespace. Without it both could, which shows that the test can tell.
func TestUndumpable(t *testing.T) {
	if asOrdinary(t) {
		return
	}
	for _, dumpable := range []bool{true, false} {
		var outside map[string]error
		var inside string
		p := compile(t, unix.CLONE_NEWUSER, func(b *Builder) {
			ns := b.Slot()
			b.Call("open user namespace", unix.SYS_OPENAT, Const(unix.AT_FDCWD), b.String("/proc/self/ns/user"), Const(unix.O_RDONLY|unix.O_CLOEXEC)).Out(ns)
			b.Sync("map ids", 0, nil, Arg{}, 0, func(c *Child, _ []*os.File) ([]byte, error) { return nil, mapSelf(c.Pid()) })
			if !dumpable {
				b.Call("give up being dumpable", unix.SYS_PRCTL, Const(unix.PR_SET_DUMPABLE), Const(0))
			}
			b.Sync("look", 0, []Slot{ns}, Arg{}, 0, func(c *Child, files []*os.File) ([]byte, error) {
				defer closeAll(files)
				outside = make(map[string]error)
				for _, name := range private {
					outside[name] = readPrivate(c.Pid(), name)
				}
				inside = lookFromInside(t, files[0], c.Pid())
				return nil, nil
			})
			b.Stop(0)
		})
		finish(t, p)
		for _, name := range private {
			refused := errors.Is(outside[name], syscall.EACCES) || errors.Is(outside[name], syscall.EPERM)
			if name != "stack" && refused == dumpable { // stack is root's alone, always
				t.Errorf("dumpable %v, from outside: %s: %v", dumpable, name, outside[name])
			}
		}
		if read := strings.Contains(inside, "could read"); read != dumpable || !strings.Contains(inside, "uid 0") {
			t.Errorf("dumpable %v, from inside: %q", dumpable, inside)
		}
	}
}

// lookFromInside joins the user namespace, where we are root, and tries the same with a shell.
func lookFromInside(t *testing.T, ns *os.File, pid int) string {
	t.Helper()
	script := fmt.Sprintf(`echo uid $(id -u)
cd /proc/%d || exit
for f in environ maps auxv mem; do (exec < $f) 2>/dev/null && echo could read $f; done
for f in fd fdinfo; do ls $f >/dev/null 2>&1 && echo could read $f; done
for f in exe cwd root ns/user; do readlink $f >/dev/null 2>&1 && echo could read $f; done`, pid)
	p := compile(t, 0, func(b *Builder) {
		b.Call("join", unix.SYS_SETNS, Const(5), Const(unix.CLONE_NEWUSER))
		execute(b, "/bin/sh", "-c", script)
	})
	text, _ := output(t, p, File{ns, 5, false})
	return text
}

// TestNothingOfUsAfterExecve: what the payload has in its environment and arguments is what the program gave it.
func TestNothingOfUsAfterExecve(t *testing.T) {
	t.Setenv("TOKEN", secret)
	text, _ := output(t, compile(t, 0, func(b *Builder) {
		execute(b, "/bin/cat", "/proc/self/environ", "/proc/self/cmdline", "/proc/self/comm")
	}))
	if bytes.Contains([]byte(text), []byte(secret)) || !strings.HasPrefix(text, "PATH=/bin:/usr/bin\x00/bin/cat\x00") {
		t.Errorf("%q", text)
	}
}
