package delegate

import (
	"os"
	"path/filepath"
	"testing"
)

func TestInnermost(t *testing.T) {
	for own, want := range map[string]struct {
		unit          string
		service, user bool
	}{
		"/": {"", false, false},
		"/user.slice/user-7.slice/session-1.scope":                             {"/user.slice/user-7.slice/session-1.scope", false, false},
		"/user.slice/user-7.slice/user@7.service/app.slice/a.service":          {"/user.slice/user-7.slice/user@7.service/app.slice/a.service", true, true},
		"/user.slice/user-7.slice/user@7.service/user.slice/roost-x.scope/a/b": {"/user.slice/user-7.slice/user@7.service/user.slice/roost-x.scope", false, true},
		"/user.slice/user-7.slice/user@7.service/init.scope":                   {"/user.slice/user-7.slice/user@7.service/init.scope", false, true},
		"/system.slice/slurmstepd.scope/job_1/step_0/user/task_0":              {"/system.slice/slurmstepd.scope", false, false},
		"/system.slice/docker.service":                                         {"/system.slice/docker.service", true, false},
		"/docker/0123.d":                                                       {"", false, false},
		"/.service/x":                                                          {"", false, false},
	} {
		p := place{own: own, unit: innermost(own)}
		if p.unit != want.unit || p.service() != want.service || p.ofUser() != want.user {
			t.Errorf("%s: %q %v %v", own, p.unit, p.service(), p.ofUser())
		}
	}
}

func TestCommonAncestor(t *testing.T) {
	for _, c := range [][3]string{
		{"/a/b", "/a/c", "/a"}, {"/a", "/a/c", "/a"}, {"/a/b", "/a", "/a"}, {"/a", "/ab", "/"}, {"/", "/x", "/"}, {"/a/b/c", "/a/b/c", "/a/b/c"}, {"/a/b", "/c", "/"},
	} {
		if got := commonAncestor(c[0], c[1]); got != c[2] {
			t.Errorf("%s %s: %s, want %s", c[0], c[1], got, c[2])
		}
	}
}

func TestNameOf(t *testing.T) {
	const passwd = "root:x:0:0::/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\n../x:x:7:7::/:/\nshort:x:8\n"
	for uid, want := range map[int]string{0: "root", 1000: "alice", 7: "", 8: "", 9: ""} {
		if got := nameOf(passwd, uid); got != want {
			t.Errorf("%d: %q", uid, got)
		}
	}
}

func TestLingering(t *testing.T) {
	root := t.TempDir() + "/"
	put := func(name, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(root+name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(root+name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	check := func(what string, lingers, known bool) {
		t.Helper()
		if l, k := lingering(root, 1000); l != lingers || k != known {
			t.Errorf("%s: %v %v", what, l, k)
		}
	}
	check("no account", false, false)
	put("etc/passwd", "alice:x:1000:1000::/home/alice:/bin/sh\n")
	check("no logind", false, false)
	put("run/systemd/users/1000", "")
	check("off", false, true)
	put("var/lib/systemd/linger/alice", "")
	check("on", true, true)
}
