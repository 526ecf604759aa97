package main

import (
	"encoding/json"
	"os"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"github.com/opencontainers/runtime-spec/specs-go/features"

	"github.com/roost-run/roost/internal/flags"
	"github.com/roost-run/roost/internal/seccomp"
	"github.com/roost-run/roost/internal/spec"
	"github.com/roost-run/roost/runtime"
)

func featuresCommand() command {
	return command{
		Command: flags.Command{
			Name: "features", Usage: []string{""}, Short: "print what of the specification this roost implements", Group: setUp,
			Long: "The shape is that of the runtime-spec's features.md. It tells about roost, not about this machine or this user,\n" +
				"but for the annotations run.roost.rootless.*: how many ids containers of this ordinary user can have, whose cgroup, with which\n" +
				"controllers. What cannot be found out is left out. See roost check for the whole of it.",
		},
		run: func(a *app, _ flags.Args) (int, error) {
			set := featureSet()
			addRootless(set.Annotations)
			text, err := json.MarshalIndent(set, "", "  ")
			if err != nil {
				return 0, err
			}
			return 0, a.print(string(text) + "\n")
		},
	}
}

// document is features.Features with its empty lists written out: an absent list means "unknown" (features.md).
type document struct {
	features.Features
	Hooks []string `json:"hooks"`
}

func featureSet() document {
	no := new(bool)
	hooks := []string{"prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"}
	return document{Hooks: hooks, Features: features.Features{
		OCIVersionMin: "1.0.0", OCIVersionMax: spec.Version,
		MountOptions: mountOptions(),
		Linux: &features.Linux{
			Namespaces:      namespaces(),
			Capabilities:    capabilities(),
			Cgroup:          &features.Cgroup{V1: no, V2: yes(), Systemd: yes(), SystemdUser: yes(), Rdma: yes()},
			Seccomp:         seccompFeatures(),
			Apparmor:        &features.Apparmor{Enabled: yes()},
			Selinux:         &features.Selinux{Enabled: yes()},
			IntelRdt:        &features.IntelRdt{Enabled: no, Schemata: no, Monitoring: no},
			MountExtensions: &features.MountExtensions{IDMap: &features.IDMap{Enabled: yes()}},
			NetDevices:      &features.NetDevices{Enabled: yes()},
		},
		PotentiallyUnsafeConfigAnnotations: []string{runtime.KeepGroupsAnnotation},
		Annotations:                        map[string]string{"run.roost.version": version, "run.roost.commit": commitID()},
	}}
}

func yes() *bool {
	v := true
	return &v
}

func namespaces() []string {
	return []string{
		string(specs.CgroupNamespace), string(specs.IPCNamespace), string(specs.MountNamespace), string(specs.NetworkNamespace),
		string(specs.PIDNamespace), string(specs.TimeNamespace), string(specs.UserNamespace), string(specs.UTSNamespace),
	}
}

// capabilities are those that roost and the running kernel both know.
func capabilities() []string {
	names := spec.Capabilities()
	text, err := os.ReadFile("/proc/sys/kernel/cap_last_cap")
	if last, convErr := strconv.Atoi(strings.TrimSpace(string(text))); err == nil && convErr == nil && last < len(names) {
		names = names[:last+1]
	}
	return names
}

// seccompFeatures is what roost-seccomp knows, and which of the flags this kernel knows, too.
func seccompFeatures() *features.Seccomp {
	yes := true
	s := &features.Seccomp{Enabled: &yes, Actions: seccomp.Actions(), Operators: seccomp.Operators(), Archs: seccomp.Archs(), SupportedFlags: []string{}}
	for _, f := range seccomp.KnownFlags() {
		s.KnownFlags = append(s.KnownFlags, f.Name)
	}
	for _, f := range seccomp.SupportedFlags() {
		s.SupportedFlags = append(s.SupportedFlags, f.Name)
	}
	return s
}

// mountOptions are the options that mean something to roost itself; features_test.go holds them against the parser.
func mountOptions() []string {
	return strings.Fields(`
		async atime bind copy-symlink defaults dest-nofollow dev diratime dirsync exec idmap iversion lazytime loud mand noatime nodev nodiratime noexec
		noiversion nolazytime nomand norelatime nostrictatime nosuid nosymfollow private ratime rbind rdev rdiratime
		relatime remount rexec ridmap rnoatime rnodev rnodiratime rnoexec rnorelatime rnostrictatime rnosuid rnosymfollow ro
		rprivate rrelatime rro rrw rshared rslave rstrictatime rsuid rsymfollow runbindable rw shared silent slave
		src-nofollow strictatime suid symfollow sync tmpcopyup unbindable`)
}
