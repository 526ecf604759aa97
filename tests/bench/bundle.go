package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// bundles are the directories of the bundles, made anew for every run.
type bundles struct {
	rootfs   string
	plain    string // one id
	multi    string // two id ranges; empty without sub-ids
	full     string // a network namespace and a system call filter; empty when not asked for
	filter   string // its compiled filter, instructions alone; empty without roost-seccomp
	sleeping string // plain, but lives until it is killed
	uids     specs.LinuxIDMapping
	gids     specs.LinuxIDMapping
}

// prepare makes the root file system and the bundles as the user who will run them, so that every id is the user's.
func (b *run) prepare() error {
	work := b.opts.work
	b.bundles.rootfs = filepath.Join(work, "rootfs")
	if err := makeRootfs(b.bundles.rootfs); err != nil {
		return fmt.Errorf("root file system: %w", err)
	}
	var err error
	if b.bundles.plain, err = b.makeBundle("plain", plainSpec()); err != nil {
		return err
	}
	sleeping := plainSpec()
	sleeping.Process.Args = []string{"/bin/sleep", "1000000"}
	if b.bundles.sleeping, err = b.makeBundle("sleeping", sleeping); err != nil {
		return err
	}
	if err := b.prepareMulti(); err != nil {
		return err
	}
	return b.prepareFull()
}

func (b *run) prepareMulti() (err error) {
	if !b.opts.wants("multi") {
		return nil
	}
	b.bundles.uids, b.bundles.gids, err = subIDs()
	if err != nil {
		b.notes = append(b.notes, "multi: not run: "+err.Error())
		return nil
	}
	spec := plainSpec()
	spec.Linux.UIDMappings = append(spec.Linux.UIDMappings, b.bundles.uids)
	spec.Linux.GIDMappings = append(spec.Linux.GIDMappings, b.bundles.gids)
	b.bundles.multi, err = b.makeBundle("multi", spec)
	return err
}

// prepareFull makes the full bundle once roost can run it; until then only a run that names it does.
func (b *run) prepareFull() (err error) {
	if !b.opts.wants("full") {
		return nil
	}
	roost := filepath.Join(b.opts.bin, "roost")
	if !slices.Contains(b.opts.only, "full") && !filtersSystemCalls(roost) {
		b.notes = append(b.notes, "full: not yet: roost has no system call filter")
		return nil
	}
	spec := plainSpec()
	spec.Linux.Namespaces = append(spec.Linux.Namespaces, specs.LinuxNamespace{Type: specs.NetworkNamespace})
	section, err := os.ReadFile(filepath.Join(b.opts.bin, "profile.json"))
	if err != nil {
		b.notes = append(b.notes, "full: not run: "+err.Error())
		return nil
	}
	if spec.Linux.Seccomp, err = profile(section); err != nil {
		return err
	}
	if b.bundles.filter, err = b.compileFilter(section); err != nil {
		b.notes = append(b.notes, "full: without the floor: "+err.Error())
	}
	b.bundles.full, err = b.makeBundle("full", spec)
	return err
}

func (b *run) makeBundle(name string, spec *specs.Spec) (string, error) {
	dir := filepath.Join(b.opts.work, name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	spec.Root.Path = b.bundles.rootfs
	text, err := json.MarshalIndent(spec, "", "\t")
	if err != nil {
		return "", err
	}
	return dir, os.WriteFile(filepath.Join(dir, "config.json"), text, 0o644)
}

// makeRootfs makes the smallest root file system: one static busybox and the directories that are mounted on.
func makeRootfs(dir string) error {
	for _, sub := range []string{"bin", "dev", "etc", "proc", "sys", "tmp"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return err
		}
	}
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		return fmt.Errorf("busybox: not found; install busybox-static: %w", err)
	}
	if err := copyFile(busybox, filepath.Join(dir, "bin/busybox")); err != nil {
		return err
	}
	for _, applet := range []string{"cat", "sh", "sleep", "true"} {
		if err := os.Symlink("busybox", filepath.Join(dir, "bin", applet)); err != nil && !os.IsExist(err) {
			return err
		}
	}
	return nil
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}
