package integration

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

func copyUp(dest string, options ...string) func(*specs.Spec) {
	return mounted(specs.Mount{Destination: dest, Type: "tmpfs", Source: "tmpfs", Options: append([]string{"tmpcopyup"}, options...)})
}

// A tmpfs begins with what it covers, and what changes in it does not change the root file system.
func TestTmpCopyUp(t *testing.T) {
	root := ownRootfs(t)
	dir := root + "/srv"
	os.MkdirAll(dir+"/sub/deep", 0o755)
	os.WriteFile(dir+"/file", []byte("content\n"), 0o640)
	os.WriteFile(dir+"/sub/deep/script", []byte("#!/bin/sh\necho runs\n"), 0o755)
	os.Symlink("/etc/passwd", dir+"/link")
	os.Link(dir+"/file", dir+"/sub/same")
	mustFifo(t, dir+"/fifo")
	syscall.Chmod(dir, 0o1751)
	if isRoot() {
		os.Chown(dir, 1000, 1000)
		os.Chown(dir+"/file", 1000, 50)
	}
	before := listing(t, dir)
	script := `cd /srv; stat -c '%n %a %u:%g %F' . file link fifo sub/deep; cat file; readlink link; sh sub/deep/script
[ $(stat -c %i file) = $(stat -c %i sub/same) ] && echo linked; echo more >>file; rm -r sub; mkdir made && ls -A | tr '\n' ' '; grep -c ' /srv .* tmpfs' /proc/self/mountinfo`
	owner, file := "0:0", "0:0"
	if isRoot() {
		owner, file = "1000:1000", "1000:50"
	}
	want := []string{
		". 1751 " + owner + " directory", "file 640 " + file + " regular file", "link 777 0:0 symbolic link", "fifo 644 0:0 fifo", "sub/deep 755 0:0 directory",
		"content", "/etc/passwd", "runs", "linked", "fifo file link made 1",
	}
	if !isThisRoost() {
		needRoost(t)
	}
	if got := lines(output(t, script, rootfs(root, false), allCaps("CAP_DAC_OVERRIDE"), copyUp("/srv"))); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if after := listing(t, dir); after != before {
		t.Errorf("the root file system changed:\n%s\nbefore:\n%s", after, before)
	}
	for name, c := range map[string]struct {
		change       func(*specs.Spec)
		script, want string
	}{
		"read-only":              {copyUp("/srv", "ro"), "cat /srv/file; touch /srv/x 2>&1 | sed 's/.*: //'", "content|Read-only file system"},
		"read-only root":         {with(copyUp("/srv"), rootfs(root, true)), "cat /srv/file; touch /srv/x && echo written", "content|written"},
		"its own mode":           {copyUp("/srv", "mode=0700"), "stat -c %a /srv; cat /srv/file", "700|content"},
		"a missing directory":    {copyUp("/not/there"), "ls -A /not/there | wc -l; stat -c %a /not/there", "0|1777"},
		"through a link":         {with(copyUp("/ln"), func(*specs.Spec) { os.Symlink("/srv", root+"/ln") }), "cat /srv/file; grep -c ' /srv .* tmpfs' /proc/self/mountinfo", "content|1"},
		"what is mounted before": {with(bind(home.rootfs+"/etc", "/mnt"), copyUp("/mnt")), "cat /mnt/canary; touch /mnt/x && echo own", "untouched|own"},
		"what is mounted below":  {with(mounted(specs.Mount{Destination: "/srv/sub", Type: "tmpfs", Source: "tmpfs"}), copyUp("/srv")), "ls -A /srv/sub | wc -l; cat /srv/file", "0|content"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := strings.Join(lines(output(t, c.script, rootfs(root, false), allCaps("CAP_DAC_OVERRIDE"), c.change)), "|"); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// What an image may hold where it is copied from.
func TestTmpCopyUpOfHostileImages(t *testing.T) {
	needRoost(t)
	root := ownRootfs(t)
	run := func(change ...func(*specs.Spec)) result {
		return runOnce(t, with(append([]func(*specs.Spec){rootfs(root, false), sh("ls -A /srv | wc -l")}, change...)...))
	}
	t.Run("more than fits", func(t *testing.T) {
		os.MkdirAll(root+"/srv", 0o755)
		os.WriteFile(root+"/srv/big", make([]byte, 1<<20), 0o644)
		defer os.Remove(root + "/srv/big")
		r := run(copyUp("/srv", "size=64k"))
		if r.Code == 0 || !strings.Contains(r.Stderr, "no space left on device") || !strings.Contains(r.Stderr, "size=") || !strings.Contains(r.Stderr, "mounts[") {
			t.Error(r)
		}
	})
	t.Run("more files than fit", func(t *testing.T) {
		os.MkdirAll(root+"/srv/many", 0o755)
		defer os.RemoveAll(root + "/srv/many")
		for i := range 200 {
			os.WriteFile(fmt.Sprintf("%s/srv/many/%d", root, i), nil, 0o644)
		}
		if r := run(copyUp("/srv", "nr_inodes=100")); r.Code == 0 || !strings.Contains(r.Stderr, "no space left on device") {
			t.Error(r)
		}
	})
	t.Run("a hole larger than any memory", func(t *testing.T) {
		f, err := os.Create(root + "/srv/hole")
		if err != nil {
			t.Fatal(err)
		}
		defer os.Remove(root + "/srv/hole")
		f.Truncate(1 << 40)
		f.Close()
		if r := run(copyUp("/srv", "size=64k")); r.Code != 0 {
			t.Error(r)
		}
	})
	t.Run("deep", func(t *testing.T) {
		deep := root + "/srv" + strings.Repeat("/d", 900)
		if err := os.MkdirAll(deep, 0o755); err != nil {
			t.Fatal(err)
		}
		if r := run(copyUp("/srv")); r.Code != 0 {
			t.Error(r)
		}
		if err := os.MkdirAll(deep+strings.Repeat("/d", 200), 0o755); err != nil {
			t.Fatal(err)
		}
		if r := run(copyUp("/srv")); r.Code == 0 || !strings.Contains(r.Stderr, "mounts[") {
			t.Error(r)
		}
		os.RemoveAll(root + "/srv/d")
	})
	t.Run("links to the host", func(t *testing.T) {
		canary := tempDir(t)
		os.WriteFile(canary+"/file", []byte("secret"), 0o644)
		os.Symlink(canary, root+"/srv/dir")
		os.Symlink(canary+"/file", root+"/srv/file")
		os.Symlink("../../../../../../.."+canary, root+"/srv/up")
		before := listing(t, canary)
		got := output(t, "cd /srv; cat file dir/file up/file 2>/dev/null; readlink dir", rootfs(root, false), copyUp("/srv"))
		if got != canary {
			t.Errorf("the host's files came in: %q", got)
		}
		if listing(t, canary) != before {
			t.Error("the host was touched")
		}
	})
	t.Run("the directory is a link to the host", func(t *testing.T) {
		canary := tempDir(t)
		os.WriteFile(canary+"/file", []byte("secret"), 0o644)
		os.Symlink(canary, root+"/away")
		r := runOnce(t, with(rootfs(root, false), copyUp("/away"), sh("cat /away/file")))
		if strings.Contains(r.Stdout, "secret") {
			t.Error(r)
		}
	})
	if isRoot() {
		t.Run("a device", func(t *testing.T) {
			if err := mknodNull(root + "/srv/null"); err != nil {
				t.Skip(err)
			}
			defer os.Remove(root + "/srv/null")
			if got := givenUp(t, with(rootfs(root, false), copyUp("/srv"))); !strings.Contains(got, "devices, sockets") {
				t.Errorf("state: %q", got)
			}
			if got := output(t, "ls -A /srv/null 2>/dev/null; echo no", rootfs(root, false), copyUp("/srv")); got != "no" {
				t.Error(got)
			}
		})
	}
}

// Who writes to the volume at the same time changes what is copied, and nothing else: no file of the host comes in.
func TestTmpCopyUpRace(t *testing.T) {
	needRoost(t)
	root, volume, canary := ownRootfs(t), tempDir(t), tempDir(t)
	os.WriteFile(canary+"/file", []byte("secret"), 0o644)
	os.MkdirAll(volume+"/a/dir", 0o755)
	os.WriteFile(volume+"/a/dir/file", []byte("open"), 0o644)
	os.Symlink(canary, volume+"/b")
	stop := swapping(t, volume+"/a/dir", volume+"/b")
	defer stop()
	tries := 40
	if os.Getenv("ROOST_TEST_LONG") != "" {
		tries = 1000
	}
	for range tries {
		r := roost(t, "run", "--bundle", newBundle(t, with(rootfs(root, false), bind(volume, "/mnt"), copyUp("/mnt"),
			sh("[ -L /mnt/a/dir ] || cat /mnt/a/dir/file; [ -L /mnt/b ] || cat /mnt/b/file"))), newIDInLoop(t))
		if strings.Contains(r.Stdout, "secret") {
			t.Fatal(r)
		}
	}
}
