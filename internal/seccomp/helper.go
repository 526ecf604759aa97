package seccomp

import (
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/fault"
)

// program is the compiler's name.
const program = "roost-seccomp"

// places is what the search for the compiler depends on.
type places struct {
	exe   string // where this program was executed from
	argv0 string // where it was before it protected itself, see internal/sealed
	path  string // PATH
}

func here() places {
	exe, _ := os.Readlink("/proc/self/exe")
	return places{exe: exe, argv0: os.Args[0], path: os.Getenv("PATH")}
}

// directories are those that are looked in, in this order: beside this program, where the installation of this program has its
// helpers, where distributions have them, and PATH.
func (p places) directories() (dirs []string) {
	add := func(dir string) {
		if !filepath.IsAbs(dir) { // depends on who stands where, as no program should that root may run
			return
		}
		dir = filepath.Clean(dir)
		for _, d := range dirs {
			if d == dir {
				return
			}
		}
		dirs = append(dirs, dir)
	}
	for _, exe := range []string{p.exe, p.argv0} {
		if filepath.IsAbs(exe) && !strings.HasPrefix(exe, "/memfd:") {
			dir := filepath.Dir(exe)
			add(dir)
			add(dir + "/../libexec/roost")
		}
	}
	add("/usr/libexec/roost")
	add("/usr/local/libexec/roost")
	for _, dir := range filepath.SplitList(p.path) {
		add(dir)
	}
	for _, dir := range []string{"/usr/local/bin", "/usr/bin"} { // engines pass no PATH
		add(dir)
	}
	return dirs
}

// find is the path of the first compiler that may be executed.
func (p places) find() (string, error) {
	dirs := p.directories()
	for _, dir := range dirs {
		path := dir + "/" + program
		var st unix.Stat_t
		if unix.Stat(path, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFREG && unix.Access(path, unix.X_OK) == nil {
			return path, nil
		}
	}
	return "", fault.New(fault.Seccomp, "%w (looked in %s)", ErrNoHelper, strings.Join(dirs, ", ")).
		Remedy("install it, as `make install` does where libseccomp is, or run where this filter is kept")
}
