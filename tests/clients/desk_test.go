package clients

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// desk is what all tests share: one scratch directory and the root file system in it.
var desk table

type table struct {
	runtime string // the runtime under test
	dir     string // scratch, short: socket paths have 108 bytes
	rootfs  string // busybox; engines write mount points into it
	tar     string // the same, as a tar file
	reaper  int
	cgroup  string // below which root's engines make their cgroups
	daemons []func()
}

func (d *table) setUp() error {
	if _, err := fmt.Sscan(os.Getenv(reaperEnv), &d.reaper); err != nil {
		return err
	}
	runtime := os.Getenv("ROOST")
	if runtime == "" {
		runtime = "../../bin/roost"
	}
	var err error
	if d.runtime, err = filepath.Abs(runtime); err != nil {
		return err
	}
	if _, err := os.Stat(d.runtime); err != nil {
		return fmt.Errorf("no runtime to test (`make build`, or set ROOST): %w", err)
	}
	if d.dir, err = os.MkdirTemp("/var/tmp", "roost-cl-"); err != nil {
		return err
	}
	if err := os.Chmod(d.dir, 0o755); err != nil {
		return err
	}
	for _, dir := range []string{"home", "tmp", "bundles"} {
		if err := os.Mkdir(d.at(dir), 0o755); err != nil {
			return err
		}
	}
	if err := os.Mkdir(d.at("xdg"), 0o700); err != nil {
		return err
	}
	d.cgroup = fmt.Sprintf("/roost-clients-%d", os.Getpid())
	d.rootfs, d.tar = d.at("rootfs"), d.at("rootfs.tar")
	if err := makeRootfs(d.rootfs); err != nil {
		return err
	}
	if out, err := exec.Command("tar", "-C", d.rootfs, "-cf", d.tar, ".").CombinedOutput(); err != nil {
		return fmt.Errorf("tar: %w: %s", err, out)
	}
	return d.configure()
}

func (d *table) at(parts ...string) string {
	return filepath.Join(append([]string{d.dir}, parts...)...)
}

// environment is that of a login, and nothing of who started the tests.
func (d *table) environment() []string {
	env := []string{
		"PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "LANG=C.UTF-8", "TERM=xterm",
		"HOME=" + d.at("home"), "XDG_RUNTIME_DIR=" + d.at("xdg"), "TMPDIR=" + d.at("tmp"),
	}
	if isRoot() {
		env = append(env, "CONTAINERS_CONF="+d.at("containers.conf"))
	}
	return env
}

// configure writes what the engines read: the drop-in that roost ships, and what this machine has to differ in.
func (d *table) configure() error {
	drop, err := contrib("containers.conf", d.runtime)
	if err != nil {
		return err
	}
	var nofile, nproc syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &nofile); err != nil {
		return err
	}
	if err := syscall.Getrlimit(6 /* RLIMIT_NPROC */, &nproc); err != nil {
		return err
	}
	// Root here may lack CAP_SYS_RESOURCE, and the default of an engine is to raise limits beyond what everybody has.
	local := fmt.Sprintf("[containers]\ndefault_ulimits = [\"nofile=%d:%[1]d\", \"nproc=%d:%[2]d\"]\n"+
		"pids_limit = 0\nlog_driver = \"k8s-file\"\n", min(nofile.Max, 1<<20), min(nproc.Max, 1<<15))
	if isRoot() {
		return os.WriteFile(d.at("containers.conf"), []byte(local+drop), 0o644)
	}
	dropins := d.at("home/.config/containers/containers.conf.d")
	if err := os.MkdirAll(dropins, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dropins, "10-roost.conf"), []byte(drop), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dropins, "20-tests.conf"), []byte(local), 0o644)
}

// shutDown ends what the engines keep running for the next command: daemons of these tests, podman's pause process.
func (d *table) shutDown() {
	for _, stop := range d.daemons {
		stop()
	}
	// Root's podman keeps its storage mounted on itself, for as long as the machine is up.
	syscall.Unmount(d.at("store/root/overlay"), syscall.MNT_DETACH)
	var pause int
	raw, _ := os.ReadFile(d.at("xdg/libpod/tmp/pause.pid"))
	if _, err := fmt.Sscan(string(raw), &pause); err == nil && pause > 1 {
		syscall.Kill(pause, syscall.SIGKILL)
	}
}

// containers are what is left in the state roots that the engines use without being told: they give no --root.
func (d *table) containers() (left []string) {
	root := d.at("xdg/roost")
	if isRoot() {
		root = "/run/roost"
	}
	entries, _ := os.ReadDir(root)
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			left = append(left, filepath.Join(root, e.Name()))
		}
	}
	return left
}

// remove removes the scratch directory, whose files belong to sub-ids too, and the cgroups below ours.
func (d *table) remove() error {
	trees, _ := filepath.Glob("/sys/fs/cgroup/*" + d.cgroup)
	for _, tree := range append(trees, "/sys/fs/cgroup"+d.cgroup) {
		removeCgroups(tree)
	}
	if isRoot() {
		return exec.Command("rm", "-rf", "--one-file-system", d.dir).Run()
	}
	inside := exec.Command("podman", "unshare", "rm", "-rf", "--one-file-system", d.at("store"), d.at("buildah"), d.rootfs, d.at("inner"))
	inside.Env = d.environment()
	if out, err := inside.CombinedOutput(); err != nil {
		return fmt.Errorf("podman unshare rm: %w: %s", err, out)
	}
	d.shutDown()
	return os.RemoveAll(d.dir)
}

func removeCgroups(dir string) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if e.IsDir() {
			removeCgroups(filepath.Join(dir, e.Name()))
		}
	}
	os.Remove(dir)
}

func isRoot() bool { return os.Geteuid() == 0 }
