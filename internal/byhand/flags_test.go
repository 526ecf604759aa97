package byhand

import (
	"reflect"
	"strings"
	"testing"
)

func TestParseMounts(t *testing.T) {
	bind := func(more ...string) []string {
		return append([]string{"rbind", "rprivate", "nosuid", "nodev"}, more...)
	}
	for _, c := range []struct {
		flag, in string
		want     request
		bad      string
	}{
		{"-v", ".", request{kind: "bind", src: "/w/d", dst: "/w/d", options: bind()}, ""},
		{"-v", "..", request{kind: "bind", src: "/w", dst: "/w", options: bind()}, ""},
		{"-v", "/a", request{kind: "bind", src: "/a", dst: "/a", options: bind()}, ""},
		{"-v", "./x/:/y/", request{kind: "bind", src: "/w/d/x", dst: "/y", options: bind()}, ""},
		{"-v", ".:/src:ro", request{kind: "bind", src: "/w/d", dst: "/src", options: bind("rro")}, ""},
		{"-v", "/a:/b:rw,exec,dev,rslave,bind", request{kind: "bind", src: "/a", dst: "/b", options: []string{"bind", "rslave", "nosuid", "dev", "exec"}}, ""},
		{"-v", ".:/src:O", request{kind: "overlay", src: "/w/d", dst: "/src"}, ""},
		{"-v", "/a:/b:Z", request{kind: "bind", src: "/a", dst: "/b", options: bind("Z")}, ""},
		{"-v", "", request{}, "source is empty"},
		{"-v", ":/x", request{}, "source is empty"},
		{"-v", "name:/x", request{}, "no named volumes"},
		{"-v", "/a:", request{}, "destination is missing"},
		{"-v", "/a:/", request{}, "the root itself"},
		{"-v", "/a:/..", request{}, "the root itself"},
		{"-v", "/a:b", request{}, "not absolute"},
		{"-v", "/a:/b:O,ro", request{}, "goes with no other"},
		{"-v", "/a:/b:idmap", request{}, "option idmap"},
		{"-v", "/a\x00:/b", request{}, "NUL"},
		{"-v", "/:/x", request{kind: "bind", src: "/", dst: "/x", options: bind()}, ""},
		{"--mount", "type=bind,src=x,dst=/y,ro", request{kind: "bind", src: "/w/d/x", dst: "/y", options: bind("rro")}, ""},
		{"--mount", `type=bind,"source=/a,b",target=/y,readonly=false`, request{kind: "bind", src: "/a,b", dst: "/y", options: bind()}, ""},
		{"--mount", "type=bind,src=/a,destination=/y,bind-propagation=shared,bind-nonrecursive", request{kind: "bind", src: "/a", dst: "/y", options: []string{"bind", "shared", "nosuid", "nodev"}}, ""},
		{"--mount", "type=tmpfs,dst=/y,tmpfs-size=1m,tmpfs-mode=700,noexec=false", request{kind: "tmpfs", dst: "/y", options: []string{"exec", "nosuid", "nodev", "mode=700", "size=1m"}}, ""},
		{"--mount", "src=/a,dst=/b", request{}, "type is missing"},
		{"--mount", "type=volume,dst=/b", request{}, "not supported"},
		{"--mount", "type=bind,dst=/b", request{}, "source is empty"},
		{"--mount", "type=bind,src=/a", request{}, "destination is missing"},
		{"--mount", "type=bind,src=/a,dst=/b,tmpfs-size=1", request{}, "go with type=tmpfs"},
		{"--mount", "type=tmpfs,src=/a,dst=/b", request{}, "has no source"},
		{"--mount", "type=bind,src=/a,dst=/b,ro=maybe", request{}, "neither true nor false"},
		{"--mount", `type=bind,"src=/a`, request{}, "quote"},
		{"--mount", "type=bind,frob", request{}, "key frob"},
		{"--tmpfs", "/t", request{kind: "tmpfs", dst: "/t", options: []string{"noexec", "nosuid", "nodev", "mode=1777"}}, ""},
		{"--tmpfs", "/t:size=10%,exec,mode=0700,uid=5", request{kind: "tmpfs", dst: "/t", options: []string{"exec", "nosuid", "nodev", "mode=0700", "size=10%", "uid=5"}}, ""},
		{"--tmpfs", "/t:size=big", request{}, "not a size"},
		{"--tmpfs", "/t:mode=999", request{}, "octal"},
		{"--tmpfs", "/t:tmpcopyup", request{}, "option tmpcopyup"},
		{"--tmpfs", "t", request{}, "not absolute"},
	} {
		var o Options
		switch c.flag {
		case "-v":
			o.Volumes = []string{c.in}
		case "--mount":
			o.Mounts = []string{c.in}
		case "--tmpfs":
			o.Tmpfs = []string{c.in}
		}
		var ps problems
		got := parseMounts(o, "/w/d", &ps)
		if c.bad != "" {
			if len(ps) != 1 || !strings.Contains(ps[0].Text, c.bad) {
				t.Errorf("%s %q: problems %v, want one with %q", c.flag, c.in, ps, c.bad)
			}
			continue
		}
		c.want.flag = c.flag + " " + c.in
		if len(ps) > 0 || len(got) != 1 || !reflect.DeepEqual(got[0], c.want) {
			t.Errorf("%s %q: %+v %v, want %+v", c.flag, c.in, got, ps, c.want)
		}
	}
	var ps problems
	if parseMounts(Options{Volumes: []string{"."}}, "", &ps); len(ps) != 1 {
		t.Errorf("a relative source without a working directory: %v", ps)
	}
}

func TestCheckSources(t *testing.T) {
	f := laptop()
	f.Mounts = append(f.Mounts, MountPoint{Path: "/data/sub", Type: "ext4"})
	for _, c := range []struct {
		volume, bad string
		selinux     bool
		unlocked    bool
		userns      string
	}{
		{volume: "/data:/d"},
		{volume: "/etc/hosts:/h"},
		{volume: "/data:/d:z"},
		{volume: "/data:/d:z", selinux: true, bad: "chcon"},
		{volume: "/etc/hosts:/h:O", bad: "not a directory"},
		{volume: "/data:/d:O", bad: "has a mount below it"},
		{volume: "/data:/d:O", unlocked: true},
		{volume: "/data:/d:O", unlocked: true, userns: "private", bad: "has a mount below it"},
		{volume: "/nope:/d", bad: "is not there"},
	} {
		f.SELinux, f.Unlocked = c.selinux, c.unlocked
		_, err := Build(Options{Args: []string{"x"}, Volumes: []string{c.volume}, UserNS: c.userns}, f, testBase())
		if (err == nil) != (c.bad == "") || err != nil && !strings.Contains(err.Error(), c.bad) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

func TestUserNamespace(t *testing.T) {
	for _, c := range []struct {
		o    Options
		want string // "", "new" or a path
		bad  string
	}{
		{Options{}, "", ""},
		{Options{UserNS: "host"}, "", ""},
		{Options{UserNS: "private"}, "new", ""},
		{Options{UserNS: "auto"}, "new", ""},
		{Options{UserNS: "private", IDMap: "single"}, "", ""},
		{Options{UserNS: "keep-id"}, "", ""},
		{Options{UserNS: "keep-id", IDMap: "single"}, "", "contradicts"},
		{Options{UserNS: "ns:/run/x"}, "/run/x", ""},
		{Options{UserNS: "ns:x"}, "", "not known"},
		{Options{UserNS: "container:db"}, "/proc/77/ns/user", ""},
		{Options{UserNS: "container:db", IDMap: "single"}, "", "has a map already"},
		{Options{UserNS: "container:nil"}, "", "no running container"},
		{Options{IPC: "container:db"}, "/proc/77/ns/user", ""},
		{Options{IPC: "container:flat"}, "", ""},
		{Options{IPC: "container:db", UserNS: "host"}, "", "must be joined"},
		{Options{IPC: "container:db", UserNS: "private"}, "", "cannot be joined"},
		{Options{IPC: "container:db", UserNS: "container:flat"}, "", "belong to its own"},
		{Options{IPC: "container:db", IDMap: "auto"}, "", "has a map already"},
		{Options{UserNS: "nomap"}, "", "not known"},
	} {
		c.o.Args = []string{"x"}
		s, err := Build(c.o, laptop(), testBase())
		if c.bad != "" {
			if err == nil || !strings.Contains(err.Error(), c.bad) {
				t.Errorf("%+v: %v, want %q", c.o, err, c.bad)
			}
			continue
		}
		if err != nil {
			t.Errorf("%+v: %v", c.o, err)
			continue
		}
		got := ""
		for _, n := range s.Linux.Namespaces {
			if n.Type == "user" && n.Path == "" {
				got = "new"
			} else if n.Type == "user" {
				got = n.Path
			}
		}
		if got != c.want {
			t.Errorf("%+v: user namespace %q, want %q", c.o, got, c.want)
		}
	}
}

func TestCapabilities(t *testing.T) {
	def := len(defaultCapabilities())
	for _, c := range []struct {
		add, drop           []string
		uid                 uint32
		bounding, effective int
		bad                 string
	}{
		{nil, nil, 0, def, def, ""},
		{nil, nil, 5, def, 0, ""},
		{[]string{"SYS_ADMIN", "cap_chown"}, nil, 0, def + 1, def + 1, ""},
		{[]string{"sys_admin", "chown"}, nil, 7, def + 1, 2, ""},
		{nil, []string{"all"}, 0, 0, 0, ""},
		{[]string{"KILL"}, []string{"ALL"}, 0, 1, 1, ""},
		{[]string{"ALL"}, []string{"SYS_ADMIN"}, 0, 40, 40, ""},
		{nil, []string{"CAP_SETUID"}, 0, def - 1, def - 1, ""},
		{[]string{"KILL"}, []string{"KILL"}, 0, 0, 0, "wants it"},
		{[]string{"CAP_FROB"}, nil, 0, 0, 0, "no such capability"},
	} {
		var ps problems
		got := capabilities(Options{CapAdd: c.add, CapDrop: c.drop}, c.uid, &ps)
		if c.bad != "" {
			if len(ps) != 1 || !strings.Contains(ps[0].Text, c.bad) {
				t.Errorf("%+v: %v", c, ps)
			}
			continue
		}
		if len(ps) > 0 || len(got.Bounding) != c.bounding || len(got.Effective) != c.effective || len(got.Permitted) != c.effective {
			t.Errorf("%+v: %+v %v", c, got, ps)
		}
		if c.uid == 0 && len(got.Inheritable)+len(got.Ambient) != 0 {
			t.Errorf("%+v: inheritable %v ambient %v", c, got.Inheritable, got.Ambient)
		}
	}
}
