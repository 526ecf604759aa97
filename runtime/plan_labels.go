package runtime

import (
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/degrade"
	"github.com/roost-run/roost/internal/sys"
)

const noSELinux = "selinux label is specified in config, but selinux is disabled or not supported; leave it out" // runc's words

// labels are the process's. Who asks for one relies on it, so that it is refused where the kernel has nothing that keeps it.
func (p *Plan) labels(s *specs.Process, caller standing, at string, bad *planError) {
	q := &p.Process
	switch profile := s.ApparmorProfile; {
	case profile == "":
	case caller.apparmor == nil || caller.apparmor():
		q.AppArmor = profile
	case profile != "unconfined": // which it is
		p.giveUp(degrade.Label, at+"apparmorProfile", "apparmor profile "+profile+" cannot be applied: apparmor is not enabled on the system (config provided but apparmor not supported); leave it out", bad)
	}
	switch {
	case s.SelinuxLabel == "":
	case caller.selinux == nil || caller.selinux():
		q.SELinux = s.SelinuxLabel
	default:
		p.giveUp(degrade.Label, at+"selinuxLabel", noSELinux, bad)
	}
}

// mountLabel is for the file systems that are made for the container.
func (p *Plan) mountLabel(l *specs.Linux, caller standing, bad *planError) {
	switch {
	case l.MountLabel == "":
	case caller.selinux == nil || caller.selinux():
		p.MountLabel = l.MountLabel
	default:
		p.giveUp(degrade.Label, "linux.mountLabel", noSELinux, bad)
	}
}

// hasAppArmor is what aa_is_enabled(2) looks at.
func hasAppArmor() bool {
	enabled, err := sys.ReadProc("/sys/module/apparmor/parameters/enabled")
	return err == nil && strings.HasPrefix(string(enabled), "Y")
}

// hasSELinux is what is_selinux_enabled(3) looks at.
func hasSELinux() bool {
	var fs unix.Statfs_t
	return unix.Statfs("/sys/fs/selinux", &fs) == nil && uint32(fs.Type) == unix.SELINUX_MAGIC
}
