package integration

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A real distribution, unpacked by an ordinary user: many owners, setuid programs, dpkg, login shells.
func TestDebian(t *testing.T) {
	needRoost(t)
	tar := needDebian(t)
	needSubIDs(t)
	dir := filepath.Join(tempDir(t), "debian")
	must(t, "unshare", "--", "/bin/sh", "-c", "mkdir "+dir+" && tar -x -p -f "+tar+" -C "+dir+" --exclude='./dev/*'")
	t.Cleanup(func() { roost(t, "unshare", "--", "rm", "-rf", dir) })
	debian := func(argv ...string) []string { return append([]string{"run", "--rootfs", dir}, argv...) }

	t.Run("apt-get", func(t *testing.T) {
		if r := roost(t, debian("--", "apt-get", "--version")...); r.Code != 0 || !strings.HasPrefix(r.Stdout, "apt ") {
			t.Error(r)
		}
	})
	t.Run("owners", func(t *testing.T) {
		r := roost(t, debian("--", "/bin/sh", "-c", "stat -c %U:%G /etc/shadow; stat -c %a /usr/bin/su; dpkg --audit && dpkg-query -W apt >/dev/null && echo known")...)
		if r.Stdout != "root:shadow\n4755\nknown\n" {
			t.Error(r)
		}
	})
	t.Run("su", func(t *testing.T) {
		r := roost(t, debian("--", "/bin/sh", "-c", "useradd -m bob && su - bob -c 'id -un; pwd' && su - -c 'id -un; pwd'")...)
		if r.Stdout != "bob\n/home/bob\nroot\n/root\n" {
			t.Error(r)
		}
	})
	t.Run("a service that forks", func(t *testing.T) {
		id := newID(t)
		must(t, debian("-d", "--init", "--name", id, "--", "/bin/sh", "-c", "start-stop-daemon --start --background --make-pidfile --pidfile /run/s.pid --exec /bin/sleep -- 4321; sleep 1000")...)
		eventually(t, "the daemon runs", func() bool {
			return roost(t, "exec", id, "/bin/sh", "-c", "kill -0 $(cat /run/s.pid)").Code == 0
		})
		must(t, "delete", "--force", id)
	})
	t.Run("job control", func(t *testing.T) {
		s := newScreen(t, 24, 80)
		wait := s.runs(t, command(t, debian("-it", "-e", "PS1=ready# ", "--", "/bin/bash", "--norc", "-i")...))
		s.shows(t, "ready# ")
		s.types(t, "sleep 1000\n")
		time.Sleep(300 * time.Millisecond)
		s.types(t, "\x1a")
		s.shows(t, "Stopped")
		s.types(t, "bg; jobs -r | wc -l; kill %1; wait; echo done-$((40+2))\n")
		s.shows(t, "done-42\n")
		s.types(t, "exit 5\n")
		if r := wait(); r.Code != 5 {
			t.Errorf("%v: %s", r, s.text())
		}
	})
	if !isRoot() {
		if err := exec.Command("rm", "-rf", dir).Run(); err == nil {
			t.Errorf("the tree had no owner but the caller; did unshare map the sub-ids?")
		}
	}
}
