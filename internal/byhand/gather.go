package byhand

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Gather looks at the host. container resolves the id of a running container to its pid, as seen here; it is
// called only for container:ID. The error is one that no flag has to do with; what is wrong with a flag is in
// Facts.Problems, so that Build can name everything at once.
func Gather(o Options, container func(id string) (pid int, err error)) (Facts, error) {
	f := Facts{
		UID: uint32(os.Geteuid()), GID: uint32(os.Getegid()), Environ: os.Environ(),
		Sources: map[string]Source{}, EnvFiles: map[string][]string{}, Containers: map[string]Container{}, Children: map[string][]string{},
	}
	// A working directory that was removed, or that lies outside our root, has no path: then nothing may be relative to it.
	if cwd, err := syscall.Getwd(); err == nil && strings.HasPrefix(cwd, "/") {
		f.Cwd = cwd
	}
	mountinfo, err := readHost("/proc/self/mountinfo")
	if err != nil {
		return Facts{}, err
	}
	f.Mounts = parseMountinfo(mountinfo)
	f.Unlocked = f.UID == 0 && inInitialUserNamespace()
	f.SELinux = slices.ContainsFunc(f.Mounts, func(m MountPoint) bool { return m.Type == "selinuxfs" })

	ps := problems{}
	gatherRootfs(o, &f, &ps)
	gatherHome(&f)
	if o.Rootfs == "" {
		gatherView(&f)
	}
	gatherSources(o, &f)
	gatherEnvFiles(o, &f, &ps)
	gatherContainers(o, &f, container, &ps)
	gatherUser(o, &f, &ps)
	if real, err := filepath.EvalSymlinks("/etc/resolv.conf"); err == nil && o.Net == "host" {
		f.ResolvConf = real
	}
	f.Problems = ps
	return f, nil
}

// inInitialUserNamespace: only there is every id mapped to itself by one line; proc_pid_uid_map(5).
func inInitialUserNamespace() bool {
	text, err := readHost("/proc/self/uid_map")
	return err == nil && slices.Equal(strings.Fields(text), []string{"0", "0", "4294967295"})
}

func gatherRootfs(o Options, f *Facts, ps *problems) {
	if o.Rootfs == "" {
		return
	}
	flag := "--rootfs " + o.Rootfs
	root := o.Rootfs
	if !filepath.IsAbs(root) {
		if f.Cwd == "" {
			ps.add(flag, "the working directory is gone, so a relative path has no meaning; give an absolute one")
			return
		}
		root = filepath.Join(f.Cwd, root)
	}
	f.Rootfs = filepath.Clean(root)
	switch st, err := os.Stat(root); {
	case errors.Is(err, os.ErrNotExist) && isUnmistakable(o.Rootfs):
		ps.add(flag, "%s", ImageError(o.Rootfs).Error())
	case errors.Is(err, os.ErrNotExist):
		ps.add(flag, "%s is not there; it is a directory that holds a root file system", f.Rootfs)
	case err != nil:
		ps.add(flag, "%s", err.Error())
	case !st.IsDir():
		ps.add(flag, "%s is not a directory; unpack it into one first", f.Rootfs)
	case f.Rootfs == "/":
		ps.add(flag, "the host's own root cannot be a container's; without --rootfs you get a throw-away copy of it")
	}
}

// gatherHome finds the home and everything else that is the caller's own, wherever links lead.
func gatherHome(f *Facts) {
	passwd, _ := readHost("/etc/passwd")
	entry := findAccount(passwd, func(a account) bool { return a.id == f.UID })
	f.Home, _ = lookup(f.Environ, "HOME")
	candidates := []string{f.Home}
	if entry != nil {
		candidates = append(candidates, entry.home)
		if f.Home == "" {
			f.Home = entry.home
		}
	}
	if f.UID != 0 { // root owns everything: XDG_CONFIG_HOME=/etc/xdg would make that private
		for _, key := range []string{"XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "TMPDIR"} {
			v, _ := lookup(f.Environ, key)
			candidates = append(candidates, v)
		}
	}
	for i, c := range candidates {
		if !strings.HasPrefix(c, "/") {
			continue
		}
		real, err := filepath.EvalSymlinks(c)
		if err != nil {
			continue
		}
		if i == 0 || c == f.Home {
			// The working directory comes without links from the kernel; so must the home, or -v . and $HOME have two names for it.
			f.Home = real
		}
		for _, p := range aliases(f.Mounts, real) {
			f.addPrivate(p)
		}
	}
}

func (f *Facts) addPrivate(p string) {
	if slices.ContainsFunc(f.Private, func(d Dir) bool { return d.Path == p }) {
		return
	}
	var st unix.Stat_t
	if unix.Lstat(p, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFDIR {
		f.Private = append(f.Private, Dir{Path: p, Owned: st.Uid == f.UID})
	}
}

// gatherView looks at what the copy of the host may show.
func gatherView(f *Facts) {
	for _, p := range topCandidates() {
		switch st, err := os.Lstat(p); {
		case err != nil:
		case st.IsDir():
			f.Top = append(f.Top, Top{Path: p})
			gatherChildren(f, p)
		case st.Mode()&os.ModeSymlink != 0:
			if target, err := os.Readlink(p); err == nil {
				f.Top = append(f.Top, Top{Path: p, Link: target})
			}
		}
	}
	for _, p := range linkCandidates() {
		if target, err := os.Readlink(p); err == nil {
			f.Top = append(f.Top, Top{Path: p, Link: target})
		}
	}
	for _, m := range maskCandidates() {
		if isDirectory(m[0]) {
			f.Masks = append(f.Masks, m[0])
		}
	}
}

// gatherChildren lists the sub-directories of dir if it has a mount below it, and so on down. Without search permission
// there is nothing to copy.
func gatherChildren(f *Facts, dir string) {
	if !hasMountBelow(f.Mounts, dir) || strings.Count(dir, "/") > maxDepth {
		return
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	names := []string{}
	for _, e := range entries {
		child := filepath.Join(dir, e.Name())
		if e.IsDir() && unix.Access(child, unix.R_OK|unix.X_OK) == nil {
			names = append(names, e.Name())
			gatherChildren(f, child)
		}
	}
	f.Children[dir] = names
}

func isDirectory(p string) bool {
	st, err := os.Lstat(p)
	return err == nil && st.IsDir()
}

// gatherSources looks at every host path that a flag names. Those that do not parse are Build's to tell.
func gatherSources(o Options, f *Facts) {
	var ignored problems
	paths := []string{}
	for _, r := range parseMounts(o, f.Cwd, &ignored) {
		if r.src != "" {
			paths = append(paths, r.src)
		}
	}
	if o.Home {
		paths = append(paths, chooseHome(o, *f, &ignored))
	}
	if shared(o.IPC) {
		paths = append(paths, "/dev/shm", "/dev/mqueue")
	}
	for _, p := range paths {
		switch st, err := os.Stat(p); {
		case err != nil:
			f.Sources[p] = Missing
		case st.IsDir():
			f.Sources[p] = Directory
		default:
			f.Sources[p] = File
		}
	}
}

func gatherEnvFiles(o Options, f *Facts, ps *problems) {
	for _, name := range o.EnvFiles {
		text, err := readEnvFile(name)
		if err != nil {
			ps.add("--env-file", "%s", err.Error())
			continue
		}
		lines, bad := parseEnvFile(text)
		for _, b := range bad {
			ps.add("--env-file "+name, "%s", b)
		}
		f.EnvFiles[name] = lines
	}
}

func gatherContainers(o Options, f *Facts, container func(string) (int, error), ps *problems) {
	for _, n := range [][2]string{{"--net", o.Net}, {"--pid", o.PID}, {"--ipc", o.IPC}, {"--uts", o.UTS}, {"--userns", o.UserNS}} {
		id, ok := strings.CutPrefix(n[1], "container:")
		if _, known := f.Containers[id]; !ok || known || container == nil {
			continue
		}
		pid, err := container(id)
		if err != nil {
			ps.add(n[0]+" "+n[1], "%s", err.Error())
			f.Containers[id] = Container{} // told; Build need not say it again
			continue
		}
		f.Containers[id] = Container{Pid: pid, OwnUser: !sameUserNamespace(pid)}
	}
}
