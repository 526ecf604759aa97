package main

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/roost-run/roost/internal/flags"
	"github.com/roost-run/roost/internal/spec"
)

// TestTables finds slips in the tables of flags that no compiler finds.
func TestTables(t *testing.T) {
	for _, cmd := range append(tables(), new(globals).table()) {
		names, shorts := map[string]bool{}, map[byte]bool{0: false}
		if len(cmd.Usage) == 0 || cmd.Short == "" || strings.HasSuffix(cmd.Short, ".") {
			t.Errorf("%s: without usage or description, or with a full stop", cmd.Name)
		}
		if cmd.Name != "" && !cmd.Hidden && !slices.Contains([]flags.Group{everyday, lifecycle, setUp}, cmd.Group) {
			t.Errorf("%s: in no group of the overview", cmd.Name)
		}
		for _, f := range cmd.Flags {
			if names[f.Name] || shorts[f.Short] {
				t.Errorf("%s: --%s or -%c is there twice", cmd.Name, f.Name, f.Short)
			}
			names[f.Name], shorts[f.Short] = true, f.Short != 0
			if f.Help == "" && f.Unsupported == "" || strings.HasSuffix(f.Help, ".") {
				t.Errorf("%s --%s: without help, or with a full stop", cmd.Name, f.Name)
			}
			if f.Unsupported == "" {
				tryFlag(t, cmd, f)
			}
		}
	}
}

// tryFlag sets the flag once: one without a place for its value would panic.
func tryFlag(t *testing.T, cmd *flags.Command, f flags.Flag) {
	t.Helper()
	value := "1"
	if f.Words != nil {
		value = f.Words[0]
	} else if _, ok := f.To.(*time.Duration); ok {
		value = "1s"
	}
	if _, err := cmd.Parse([]string{"--" + f.Name + "=" + value}); err != nil {
		t.Errorf("%s: %v", cmd.Name, err)
	}
}

// TestCallers has the command lines that engines send, word for word; all of them must be understood.
func TestCallers(t *testing.T) {
	for _, line := range []string{
		"--log-format=json --log F --cgroup-manager disabled create --bundle B --pid-file P --no-pivot --no-new-keyring --preserve-fds 1 --console-socket S CID",
		"--systemd-cgroup --log-format=json --log F create --bundle B --pid-file P CID",
		"--log-format=json --log F exec --pid-file P --process F.json --detach --tty --preserve-fds 2 --console-socket S CID",
		"--root /run/containerd/runc/ns --debug --log F --log-format json --systemd-cgroup --rootless=true create --bundle B --pid-file P ID",
		"--root R exec --process F --detach --pid-file P --console-socket S ID",
		"--root R kill --all ID 9", "kill ID 15", "kill ID TERM", "start ID", "delete --force ID", "delete ID", "state ID", "list", "features",
		"--root R ps --format json ID", "ps ID -ef", "ps -f table ID aux",
		"--log F --log-format json run --bundle B --no-pivot --keep ID",
		"run -no-subreaper --bundle B ID", "-root R -log F -log-format json run -bundle B -detach ID",
		"exec --cwd /x --env A=1,2 -e B=2 --user 1:2 -g 5 --additional-gids 6 --cap CAP_KILL -c CAP_CHOWN --no-new-privs --ignore-paused ID sh -c x",
		"exec -it ID sh", "spec --bundle B --rootless", "list --format json", "list -q", "create -b B ID", "create --pid-file P --bundle B ID",
	} {
		argv := strings.Fields(line)
		root := new(globals).table()
		args, err := root.Parse(argv)
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		cmd, err := find(args.List[0])
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		rest, err := cmd.Parse(args.List[1:])
		if err == nil {
			err = cmd.Count(rest)
		}
		if err != nil {
			t.Errorf("%s: %v", line, err)
		}
	}
}

// TestFeatureOptions holds the mount options of features against the parser: each must mean something to it.
func TestFeatureOptions(t *testing.T) {
	options := mountOptions()
	if !slices.IsSorted(options) {
		t.Error("not sorted")
	}
	for _, option := range options {
		parsed, problems := spec.ParseOptions([]string{option})
		if len(problems) > 0 || len(parsed.Data) > 0 {
			t.Errorf("%s: problems %v, left to the file system %q", option, problems, parsed.Data)
		}
	}
	for _, ns := range namespaces() {
		if _, ok := spec.Namespace(specNamespace(ns)); !ok {
			t.Errorf("no namespace %s", ns)
		}
	}
}

// TestFeatureOptionsAreWhatWorks holds them against the validation: whatever it lets pass is listed, and nothing else.
func TestFeatureOptionsAreWhatWorks(t *testing.T) {
	known := append(mountOptions(), "idmap", "ridmap", "tmpcopyup", "copy-symlink", "src-nofollow", "dest-nofollow", "remount")
	for _, option := range known {
		works := false
		for _, m := range []specs.Mount{
			{Destination: "/x", Type: "bind", Source: "/x", Options: []string{option}}, {Destination: "/x", Type: "tmpfs", Source: "x", Options: []string{option}},
		} {
			s := spec.Rootless(1000, 1000)
			s.Mounts = []specs.Mount{m}
			_, err := spec.Validate(s)
			works = works || err == nil
		}
		if listed := slices.Contains(mountOptions(), option); listed != works {
			t.Errorf("%s: listed %v, accepted %v", option, listed, works)
		}
	}
}

// TestImports keeps out of the binary what costs every start (docs/decisions.md).
func TestImports(t *testing.T) {
	goTool, err := exec.LookPath("go")
	if err != nil {
		t.Skip("no go command in PATH")
	}
	out, err := exec.Command(goTool, "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, dep := range strings.Fields(string(out)) {
		for _, costly := range []string{
			"net", "net/http", "text/template", "html/template", "regexp", "os/user", "crypto/tls", "flag", "testing",
			"github.com/spf13/cobra", "github.com/spf13/pflag", "github.com/godbus/dbus/v5",
			"github.com/roost-run/roost/internal/gen",
		} {
			if dep == costly {
				t.Errorf("%s is imported", dep)
			}
		}
	}
}
