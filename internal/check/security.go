package check

import (
	"fmt"
	"slices"
	"strings"
)

// securityFacts is which security modules are in force.
type securityFacts struct {
	caller    callerFacts
	modules   setting // /sys/kernel/security/lsm
	label     setting // of this process
	restrict  setting // AppArmor's restriction of user namespaces
	enforcing setting // SELinux
	program   string
	profile   string // of the program, by the files of /etc/apparmor.d
}

func (h host) securityFacts(c callerFacts, program string) securityFacts {
	f := securityFacts{
		caller: c, modules: h.word("/sys/kernel/security/lsm"), label: h.word("/proc/self/attr/current"),
		restrict: h.word("/proc/sys/kernel/apparmor_restrict_unprivileged_userns"), enforcing: h.word("/sys/fs/selinux/enforce"),
		program: program,
	}
	if text, err := h.file("/etc/apparmor.d/roost"); err == nil && strings.Contains(text, `"`+program+`"`) {
		f.profile = "/etc/apparmor.d/roost"
	}
	return f
}

func (f securityFacts) has(module string) bool {
	return slices.Contains(strings.Split(f.modules.value, ","), module)
}

func securityItems(f securityFacts) []Item {
	list := []Item{modulesItem(f)}
	if f.restrict.value == "1" {
		list = append(list, apparmorItem(f))
	}
	if f.enforcing.value == "1" || f.has("selinux") {
		list = append(list, selinuxItem(f))
	}
	return list
}

func modulesItem(f securityFacts) Item {
	const id = "security.modules"
	label, _, _ := strings.Cut(f.label.value, " (")
	confined := f.label.err == nil && label != "" && label != "unconfined"
	switch {
	case confined:
		return note(id, fmt.Sprintf("a security module confines this process as %q", label)).plus(f.modules, f.label)
	case f.modules.err != nil && f.label.err != nil:
		return ok(id, "no security module is to be seen").plus(f.modules, f.label)
	}
	return ok(id, "this process is not confined by a security module").plus(f.modules, f.label)
}

func apparmorItem(f securityFacts) Item {
	const id = "security.apparmor"
	label, _, _ := strings.Cut(f.label.value, " (")
	switch {
	case label == "roost" || f.profile != "":
		return ok(id, "AppArmor lets only programs with a profile use user namespaces, and this one has one").plus(f.restrict, f.label)
	case f.caller.err == nil && f.caller.privileged() && f.caller.machine:
		return ok(id, "AppArmor restricts user namespaces, though not for root").plus(f.restrict)
	}
	return warning(id, "AppArmor lets only programs with a profile use user namespaces, and "+f.program+" has none").plus(f.restrict, f.label).
		remedy(Admin, "an administrator installs one (contrib/apparmor/roost, with this path in it), as /etc/apparmor.d/roost, and loads it:", "apparmor_parser -r /etc/apparmor.d/roost")
}

func selinuxItem(f securityFacts) Item {
	const id = "security.selinux"
	if f.enforcing.value == "1" {
		return note(id, "SELinux is enforcing: files need a label that containers may use").plus(f.enforcing, f.label).
			remedy(User, "should files be refused to a container, relabel them:", "chcon -R -t container_file_t DIR")
	}
	return ok(id, "SELinux is there, and does not enforce").plus(f.enforcing)
}
