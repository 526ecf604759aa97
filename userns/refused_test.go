package userns

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// The decision table: what an errno means where the switches stand so.
func TestExplain(t *testing.T) {
	fine := switches{compiled: true, maxUser: "15000", mapped: true, label: "unconfined"}
	but := func(change func(*switches)) switches {
		s := fine
		change(&s)
		return s
	}
	tests := []struct {
		name  string
		errno syscall.Errno
		s     switches
		want  string
	}{
		{"switched off", unix.ENOSPC, but(func(s *switches) { s.zero = []string{"user.max_user_namespaces"} }), `user.max_user_namespaces is 0, which switches that type of namespace off; ask an administrator for "sysctl user.max_user_namespaces=15000"`},
		{"another type switched off", unix.ENOSPC, but(func(s *switches) { s.zero = []string{"user.max_net_namespaces"} }), `"sysctl user.max_net_namespaces=15000"`},
		{"used up", unix.ENOSPC, fine, "user.max_user_namespaces, 15000 here and perhaps less in an outer user namespace, or 32 of them inside one another"},
		{"used up, no /proc/sys", unix.EUSERS, switches{compiled: true}, "user.max_user_namespaces, unknown here"},
		{"Debian", unix.EPERM, but(func(s *switches) { s.cloneOff = true }), `"sysctl kernel.unprivileged_userns_clone=1"`},
		{"Debian, but root", unix.EPERM, but(func(s *switches) { s.cloneOff, s.privileged, s.seccomp = true, true, true }), "a seccomp filter"},
		{"Ubuntu, EPERM", unix.EPERM, but(func(s *switches) { s.restricted = true }), "AppArmor restricts unprivileged user namespaces"},
		{"Ubuntu, EACCES", unix.EACCES, but(func(s *switches) { s.restricted = true }), "AppArmor restricts unprivileged user namespaces"},
		{"Ubuntu, in Docker", unix.EPERM, but(func(s *switches) { s.restricted, s.seccomp, s.label = true, true, "docker-default" }), `; or a seccomp filter around this process`},
		{"Docker", unix.EPERM, but(func(s *switches) { s.seccomp, s.label = true, "docker-default" }), `or a security module confines this process as "docker-default"`},
		{"Docker, clone3", unix.ENOSYS, but(func(s *switches) { s.seccomp = true }), "a seccomp filter around this process refuses clone3; run the outer container"},
		{"SELinux", unix.EACCES, but(func(s *switches) { s.label = "system_u:system_r:container_t:s0:c1,c2" }), `confines this process as "system_u:system_r:container_t:s0:c1,c2"`},
		{"chroot", unix.EPERM, but(func(s *switches) { s.chrooted, s.seccomp = true, true }), "this process is in a chroot"},
		{"unmapped", unix.EPERM, but(func(s *switches) { s.mapped = false }), "not mapped in its own user namespace"},
		{"nobody knows", unix.EPERM, fine, "no known switch is off"},
		{"old kernel", unix.ENOSYS, fine, "roost needs Linux 5.14"},
		{"kernel without", unix.EINVAL, but(func(s *switches) { s.compiled = false }), "CONFIG_USER_NS"},
		{"unknown flag", unix.EINVAL, fine, "/proc/self/ns"},
		{"processes", unix.EAGAIN, fine, "ulimit -u"},
		{"memory", unix.ENOMEM, fine, "nothing on this system is known"},
	}
	for _, test := range tests {
		if got := explain(test.errno, test.s).String(); !strings.Contains(got, test.want) {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}

// Switches of distributions that this kernel does not have, from files.
func TestReadSwitches(t *testing.T) {
	files := map[string]string{
		"sys/user/max_user_namespaces":                     "100\n",
		"sys/user/max_net_namespaces":                      "0\n",
		"sys/kernel/unprivileged_userns_clone":             "0\n",
		"sys/kernel/apparmor_restrict_unprivileged_userns": "1\n",
		"self/status":       "Name:\tx\nNoNewPrivs:\t0\nSeccomp:\t2\nSeccomp_filters:\t1\n",
		"self/attr/current": "docker-default (enforce)\n",
		"self/ns/user":      "",
	}
	proc := t.TempDir()
	for name, text := range files {
		path := filepath.Join(proc, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	s := readSwitches(proc)
	if !s.compiled || s.maxUser != "100" || strings.Join(s.zero, " ") != "user.max_net_namespaces" || !s.cloneOff || !s.restricted || !s.seccomp || s.label != "docker-default" {
		t.Errorf("got %+v", s)
	}
	if s := readSwitches(t.TempDir()); s.compiled || s.cloneOff || s.restricted || s.seccomp || s.label != "" || s.zero != nil {
		t.Errorf("of nothing: got %+v", s)
	}
	if s := readSwitches("/proc"); !s.compiled || s.maxUser == "" {
		t.Errorf("of this machine: got %+v", s)
	}
}

func TestCloneErrorWraps(t *testing.T) {
	if CloneError(nil) != nil {
		t.Error("an error of none")
	}
	if err := CloneError(unix.EPERM); !errors.Is(err, unix.EPERM) || !errors.Is(err, os.ErrPermission) {
		t.Errorf("got %v", err)
	}
	other := errors.New("other")
	if err := CloneError(other); !errors.Is(err, other) {
		t.Errorf("got %v", err)
	}
}

func TestStrippedError(t *testing.T) {
	denied := &os.PathError{Op: "write", Path: "/proc/1/uid_map", Err: unix.EPERM}
	ubuntu := switches{restricted: true, label: "unconfined"}
	if err := ubuntu.strippedError(denied); !errors.Is(err, unix.EPERM) || !strings.Contains(err.Error(), "AppArmor takes") {
		t.Errorf("got %v", err)
	}
	for name, s := range map[string]switches{
		"not restricted": {label: "unconfined"},
		"root":           {restricted: true, privileged: true},
		"own profile":    {restricted: true, label: "roost"},
	} {
		if err := s.strippedError(denied); err != error(denied) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if err := StrippedError(unix.ENOENT); err != error(unix.ENOENT) {
		t.Errorf("got %v", err)
	}
	if StrippedError(nil) != nil {
		t.Error("an error of none")
	}
}
