package main

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// contender is one program that is measured.
type contender struct {
	name    string
	path    string
	version string // the first line of --version, without the name
}

// contenderNames is the order of every table: roost, who it is compared with, and what the kernel asks for.
func contenderNames() []string { return []string{"roost", "crun", "runc", "bwrap", "floor"} }

// oci says whether the contender speaks runc's command line.
func (c contender) oci() bool { return c.name == "roost" || c.name == "crun" || c.name == "runc" }

// findContenders looks for the programs that opts asks for; the notes say who is missing and why.
func findContenders(opts options) (found []contender, notes []string) {
	for _, name := range contenderNames() {
		if !opts.wantsContender(name) {
			continue
		}
		path, err := locate(opts.bin, name)
		if err != nil {
			notes = append(notes, err.Error())
			continue
		}
		if name == "crun" && !pureCgroup2() {
			notes = append(notes, "crun: not run, since Debian's needs cgroup2 alone at /sys/fs/cgroup; "+
				"start the bench as root or with sudo, which gives it a mount namespace that has it")
			continue
		}
		found = append(found, contender{name: name, path: path, version: versionOf(name, path)})
	}
	return found, notes
}

// locate finds roost and the floor beside each other, the others in the PATH that an ordinary user and root share.
func locate(bin, name string) (string, error) {
	if name == "roost" || name == "floor" {
		path := filepath.Join(bin, name)
		if unix.Access(path, unix.X_OK) != nil {
			return "", fmt.Errorf("%s: not there yet; build it first (make build)", name)
		}
		return path, nil
	}
	for _, dir := range []string{"", "/usr/sbin", "/sbin"} {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s: not installed", name)
}

func pureCgroup2() bool {
	var fs unix.Statfs_t
	return unix.Statfs("/sys/fs/cgroup", &fs) == nil && fs.Type == unix.CGROUP2_SUPER_MAGIC
}

func versionOf(name, path string) string {
	if name == "floor" {
		return "static C, same system calls"
	}
	out, err := exec.Command(path, "--version").Output()
	if err != nil {
		return "unknown version"
	}
	line, _, _ := strings.Cut(string(out), "\n")
	return strings.TrimPrefix(line[strings.LastIndex(line, " ")+1:], "v")
}

// filtersSystemCalls asks a runtime's `features` whether it can load a seccomp filter.
func filtersSystemCalls(path string) bool {
	out, err := exec.Command(path, "features").Output()
	if err != nil {
		return false
	}
	var features struct {
		Linux struct {
			Seccomp struct{ Enabled bool }
		}
	}
	return json.Unmarshal(out, &features) == nil && features.Linux.Seccomp.Enabled
}
