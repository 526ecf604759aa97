package delegate

import (
	"strings"
	"testing"
)

func TestNames(t *testing.T) {
	for _, c := range []struct {
		path, id    string
		systemd     bool
		slice, unit string // "" unit: refused
	}{
		{"", "box", false, "user.slice", "roost-box.scope"},
		{"", "box", true, "user.slice", "roost-box.scope"},
		{"", "a+b.c_d-e", true, "user.slice", `roost-a\x2bb.c_d-e.scope`},
		{"::", "box", true, "user.slice", "box.scope"},
		{":libpod:0123", "box", true, "user.slice", "libpod-0123.scope"},
		{"user-pods.slice:cri:x", "box", true, "user-pods.slice", "cri-x.scope"},
		{"-.slice:p:n", "box", true, "-.slice", "p-n.scope"},
		{"machine.slice:p:", "box", true, "machine.slice", "p-box.scope"},
		{"a.slice:p:n", "box", false, "a.slice", "p-n.scope"}, // --cgroups scope without --systemd-cgroup
		{"user.slice:p:n.scope", "box", true, "user.slice", "p-n.scope"},
		{"user.slice:p:a@b/c", "box", true, "user.slice", `p-a\x40b\x2fc.scope`},
		{"user.slice:p:ü", "box", true, "user.slice", `p-\xc3\xbc.scope`},
		{"user.slice::.hidden", "box", true, "user.slice", `\x2ehidden.scope`},
		{"/a/b", "box", false, "user.slice", "roost-box.scope"},
		{"/a/b", "box", true, "", ""},
		{"a:b", "box", true, "", ""},
		{"a:b:c:d", "box", true, "", ""},
		{"user:p:n", "box", true, "", ""},
		{"a--b.slice:p:n", "box", true, "", ""},
		{"-a.slice:p:n", "box", true, "", ""},
		{"a-.slice:p:n", "box", true, "", ""},
		{".slice:p:n", "box", true, "", ""},
		{"a/b.slice:p:n", "box", true, "", ""},
		{"user.slice:p:pod.slice", "box", true, "", ""},
		{"", strings.Repeat("x", 250), true, "", ""},
	} {
		slice, unit, err := Request{ID: c.id, CgroupsPath: c.path, Systemd: c.systemd}.names(false)
		if c.unit == "" != (err != nil) || err == nil && (slice != c.slice || unit != c.unit) {
			t.Errorf("%q %q: %q %q %v, want %q %q", c.path, c.id, slice, unit, err, c.slice, c.unit)
		}
	}
	if slice, _, _ := (Request{ID: "x"}).names(true); slice != "system.slice" {
		t.Errorf("root's slice is %q", slice)
	}
}

func TestSlicePath(t *testing.T) {
	for slice, want := range map[string]string{
		"-.slice":            "",
		"user.slice":         "/user.slice",
		"a-b.slice":          "/a.slice/a-b.slice",
		"user-pods-x1.slice": "/user.slice/user-pods.slice/user-pods-x1.slice",
	} {
		if got := SlicePath(slice); got != want {
			t.Errorf("%s: %s, want %s", slice, got, want)
		}
	}
}

func TestObjectPath(t *testing.T) {
	for name, want := range map[string]string{
		"roost-box.scope":    "roost_2dbox_2escope",
		`a\x2b.scope`:        "a_5cx2b_2escope",
		"0a.scope":           "_30a_2escope",
		"session-c1.scope":   "session_2dc1_2escope",
		"dbus_broker.socket": "dbus_5fbroker_2esocket",
	} {
		if got := (Unit{Name: name}).objectPath(); got != "/org/freedesktop/systemd1/unit/"+want {
			t.Errorf("%s: %s", name, got)
		}
	}
}
