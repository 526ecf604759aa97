package runtime

import "testing"

func TestUnitOf(t *testing.T) {
	const user = "/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service"
	for dir, want := range map[string][2]string{
		user + "/user.slice/roost-x.scope":                       {"user/roost-x.scope", user + "/user.slice/roost-x.scope"},
		user + "/app.slice/web.service/roost-x.1a":               {"user/web.service", user + "/app.slice/web.service"},
		user + "/app.slice/web.service/y.scope/z":                {"user/web.service", user + "/app.slice/web.service"},
		"/sys/fs/cgroup/system.slice/roost-x.scope":              {"system/roost-x.scope", "/sys/fs/cgroup/system.slice/roost-x.scope"},
		"/sys/fs/cgroup/user.slice/user-0.slice/session-1.scope": {"system/session-1.scope", "/sys/fs/cgroup/user.slice/user-0.slice/session-1.scope"},
		"/sys/fs/cgroup/unified/roost-x":                         {"system/", ""},
		user:                                                     {"user/", ""},
	} {
		if u, path := unitOf(dir); u.String() != want[0] || path != want[1] {
			t.Errorf("%s: %s, %s", dir, u, path)
		}
	}
}
