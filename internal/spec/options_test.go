package spec

import (
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

const atime = unix.MOUNT_ATTR__ATIME

func TestParseOptions(t *testing.T) {
	for name, c := range map[string]struct {
		options []string
		want    MountOptions
	}{
		"none":           {nil, MountOptions{}},
		"without effect": {[]string{"defaults", "silent", "loud", "auto", "_netdev", "noiversion", "x-systemd.automount", "norelatime"}, MountOptions{}},
		"flags": {[]string{"ro", "nosuid", "nodev", "noexec", "nosymfollow", "nodiratime"}, MountOptions{Set: unix.MOUNT_ATTR_RDONLY |
			unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC | unix.MOUNT_ATTR_NOSYMFOLLOW | unix.MOUNT_ATTR_NODIRATIME}},
		"flags off": {[]string{"rw", "suid", "dev", "exec", "symfollow", "diratime"}, MountOptions{Clear: unix.MOUNT_ATTR_RDONLY |
			unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC | unix.MOUNT_ATTR_NOSYMFOLLOW | unix.MOUNT_ATTR_NODIRATIME}},
		"the later holds": {[]string{"ro", "suid", "rw", "nosuid"}, MountOptions{Set: unix.MOUNT_ATTR_NOSUID, Clear: unix.MOUNT_ATTR_RDONLY}},
		"recursive":       {[]string{"rro", "rnosuid", "rdev", "rexec"}, MountOptions{RecSet: unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID, RecClear: unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC}},
		"both":            {[]string{"rro", "rw", "rrw", "ro"}, MountOptions{Set: unix.MOUNT_ATTR_RDONLY, RecClear: unix.MOUNT_ATTR_RDONLY}},
		"bind":            {[]string{"bind"}, MountOptions{Bind: true}},
		"rbind":           {[]string{"rbind", "remount"}, MountOptions{Bind: true, Recursive: true, Remount: true}},
		"propagation": {[]string{"rslave", "shared", "private", "runbindable"}, MountOptions{Propagation: []uint64{
			unix.MS_SLAVE | unix.MS_REC, unix.MS_SHARED, unix.MS_PRIVATE, unix.MS_UNBINDABLE | unix.MS_REC}}},
		"superblock":     {[]string{"sync", "dirsync", "mand", "lazytime", "sync"}, MountOptions{SBFlags: []string{"dirsync", "mand", "lazytime", "sync"}}},
		"superblock off": {[]string{"sync", "lazytime", "mand", "async", "nolazytime", "nomand"}, MountOptions{SBFlags: []string{}}},
		"data":           {[]string{"mode=755", "newinstance", "size=65536k", "lowerdir=/a:/b"}, MountOptions{Data: []string{"mode=755", "newinstance", "size=65536k", "lowerdir=/a:/b"}}},
		"data, as in fstab": {[]string{"mode=755,size=1,,x", `lowerdir=/a\,b:/c,volatile`, `context="system_u:object_r:c_t:s0:c1,c2",gid=5`, `a="`},
			MountOptions{Data: []string{"mode=755", "size=1", "x", `lowerdir=/a\,b:/c`, "volatile", "context=system_u:object_r:c_t:s0:c1,c2", "gid=5", `a="`}}},
		"of crun":                     {[]string{"tmpcopyup", "copy-symlink", "src-nofollow", "dest-nofollow"}, MountOptions{TmpCopyUp: true, CopySymlink: true, SourceNoFollow: true, DestNoFollow: true}},
		"iversion":                    {[]string{"iversion"}, MountOptions{IVersion: true}},
		"iversion off":                {[]string{"iversion", "noiversion"}, MountOptions{}},
		"idmap":                       {[]string{"ridmap", "idmap"}, MountOptions{IDMap: &IDMapOption{}}},
		"ridmap":                      {[]string{"ridmap"}, MountOptions{IDMap: &IDMapOption{Recursive: true}}},
		"idmap of its own":            {[]string{"idmap=uids=0-1-10#@10-11-10;gids=@0-100-10"}, MountOptions{IDMap: &IDMapOption{UIDs: idRangesOf(false, 0, 1, 10, true, 10, 11, 10), GIDs: idRangesOf(true, 0, 100, 10)}}},
		"relatime":                    {[]string{"relatime"}, MountOptions{Clear: atime}},
		"noatime":                     {[]string{"noatime"}, MountOptions{Set: unix.MOUNT_ATTR_NOATIME, Clear: atime}},
		"strictatime":                 {[]string{"strictatime"}, MountOptions{Set: unix.MOUNT_ATTR_STRICTATIME, Clear: atime}},
		"strictatime, noatime":        {[]string{"strictatime", "noatime"}, MountOptions{Set: unix.MOUNT_ATTR_NOATIME, Clear: atime}},
		"noatime, relatime":           {[]string{"noatime", "relatime"}, MountOptions{Clear: atime}},
		"atime":                       {[]string{"atime"}, MountOptions{Clear: atime}},
		"noatime, atime":              {[]string{"noatime", "atime"}, MountOptions{Clear: atime}},
		"strictatime, atime":          {[]string{"strictatime", "atime"}, MountOptions{Set: unix.MOUNT_ATTR_STRICTATIME, Clear: atime}},
		"strictatime, nostrictatime":  {[]string{"strictatime", "nostrictatime"}, MountOptions{Clear: atime}},
		"strictatime, norelatime":     {[]string{"strictatime", "norelatime"}, MountOptions{Set: unix.MOUNT_ATTR_STRICTATIME, Clear: atime}},
		"nodiratime is no atime":      {[]string{"nodiratime", "noatime"}, MountOptions{Set: unix.MOUNT_ATTR_NOATIME | unix.MOUNT_ATTR_NODIRATIME, Clear: atime}},
		"recursive atime":             {[]string{"rnoatime", "rnodiratime"}, MountOptions{RecSet: unix.MOUNT_ATTR_NOATIME | unix.MOUNT_ATTR_NODIRATIME, RecClear: atime}},
		"recursive atime, taken back": {[]string{"rstrictatime", "rrelatime"}, MountOptions{RecClear: atime}},
		"no option of ours":           {[]string{"rw=1", "Ro", "r", "rsize=8192", "rbinds"}, MountOptions{Data: []string{"rw=1", "Ro", "r", "rsize=8192", "rbinds"}}},
	} {
		t.Run(name, func(t *testing.T) {
			got, problems := ParseOptions(c.options)
			if len(problems) > 0 {
				t.Error(problems)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestParseOptionsRefuses(t *testing.T) {
	_, problems := ParseOptions([]string{"ro", "idmap", "ridmap=uids=0-1-10", "tmpcopyup", "", "a\x00", "iversion", "X-mount.mkdir"})
	if got, want := paths(problems), "[2] [4] [5] [7]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// Every option that the runtime-spec lists is known: none falls through to the file system's data.
func TestParseOptionsKnowsTheSpec(t *testing.T) {
	for _, o := range []string{
		"async", "atime", "bind", "defaults", "dev", "diratime", "dirsync", "exec", "lazytime", "loud", "mand", "noatime", "nodev",
		"nodiratime", "noexec", "noiversion", "nolazytime", "nomand", "norelatime", "nostrictatime", "nosuid", "nosymfollow", "private", "ratime",
		"rbind", "rdev", "rdiratime", "relatime", "remount", "rexec", "rnoatime", "rnodiratime", "rnoexec", "rnorelatime", "rnostrictatime",
		"rnosuid", "rnosymfollow", "idmap", "ridmap", "tmpcopyup", "iversion", "rnodev", "ro", "rprivate", "rrelatime", "rro", "rrw", "rshared", "rslave", "rstrictatime", "rsuid", "rsymfollow",
		"runbindable", "rw", "shared", "silent", "slave", "strictatime", "suid", "symfollow", "sync", "unbindable",
	} {
		if m, problems := ParseOptions([]string{o}); len(problems) > 0 || len(m.Data) > 0 {
			t.Errorf("%s: %v %v", o, m.Data, problems)
		}
	}
}

// What comes out keeps the rules of mount_setattr(2), whatever goes in; the kernel is asked itself in
// TestOptionsInTheKernel.
func FuzzOptions(f *testing.F) {
	for _, o := range []string{"ro", "rnoatime", "strictatime", "rslave", `context="a,b",x`, "a\\,b", "idmap=x", "idmap=uids=0-1-10#@10-11-10;gids=0-100-10", "tmpcopyup", "\x00", ",,,", "=", `"`, `k="`} {
		f.Add(o, "noatime", "atime")
	}
	f.Fuzz(func(t *testing.T, a, b, c string) {
		m, problems := ParseOptions([]string{a, b, c})
		for _, set := range []struct{ set, clear uint64 }{{m.Set, m.Clear}, {m.RecSet, m.RecClear}} {
			if set.set&set.clear&^atime != 0 {
				t.Errorf("sets and clears %#x", set.set&set.clear)
			}
			if set.set&atime != 0 && set.clear&atime != atime {
				t.Error("an access time that mount_setattr refuses")
			}
			if value := set.set & atime; value == atime {
				t.Error("no access time has this value")
			}
		}
		for _, d := range m.Data {
			if d == "" || hasNUL(d) {
				t.Errorf("data %q", d)
			}
		}
		if len(problems) > 3 {
			t.Error(problems)
		}
		if m.IDMap != nil && len(problems) == 0 {
			for _, r := range append(m.IDMap.UIDs, m.IDMap.GIDs...) {
				if r.Size == 0 || beyond(r.ContainerID, r.Size) || beyond(r.HostID, r.Size) {
					t.Error(r)
				}
			}
		}
	})
}

func idRangesOf(fields ...any) (list []IDRange) {
	n := func(i int) uint32 { return uint32(fields[i].(int)) }
	for ; len(fields) > 0; fields = fields[4:] {
		list = append(list, IDRange{LinuxIDMapping: specs.LinuxIDMapping{ContainerID: n(1), HostID: n(2), Size: n(3)}, Relative: fields[0].(bool)})
	}
	return list
}

func TestIDMapOptionRefuses(t *testing.T) {
	for o, want := range map[string]string{
		"idmap=":                               "is no mapping of idmap",
		"ridmap=uids=0-0-1;sids=0-0-1":         "is no mapping of ridmap",
		"idmap=uids=0-0-1":                     "has one of uids and gids",
		"idmap=uids=0-0-1;uids=1-1-1":          "given twice",
		"idmap=uids=;gids=0-0-1":               "no range",
		"idmap=uids=0-0;gids=0-0-1":            "no range",
		"idmap=uids=0-0-1-1;gids=0-0-1":        "no range",
		"idmap=uids=0-0-+1;gids=0-0-1":         "no range",
		"idmap=uids=0-0-4294967296;gids=0-0-1": "no range",
		"idmap=uids=@@0-0-1;gids=0-0-1":        "no range",
		"idmap=uids=0-0-0;gids=0-0-1":          "maps nothing",
		"idmap=uids=0-4294967295-1;gids=0-0-1": "beyond the last id",
		"idmap=uids=0-0-5#4-9-1;gids=0-0-1":    "overlap",
		"idmap=uids=0-0-5#5-4-1;gids=0-0-1":    "overlap",
		"idmap=uids=@0-0-5#@5-4-1;gids=0-0-1":  "overlap",
		"idmap=uids=0-0-1;gids=" + ranges341(): "the kernel takes 340",
	} {
		_, problems := ParseOptions([]string{o})
		if len(problems) != 1 || !strings.Contains(problems[0].Text, want) {
			t.Errorf("%.60s: %v, want %s", o, problems, want)
		}
	}
	if _, problems := ParseOptions([]string{"idmap=uids=@0-0-5#5-4-1;gids=0-0-1"}); len(problems) > 0 {
		t.Error("what a relative range becomes is not known:", problems)
	}
}

func ranges341() string {
	var list []string
	for i := range 341 {
		n := strconv.Itoa(i)
		list = append(list, n+"-"+n+"-1")
	}
	return strings.Join(list, "#")
}
