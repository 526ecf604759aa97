package check

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/probe"
)

// tool is a program that roost, or what calls it, can make use of.
type tool struct {
	name     string
	use      string
	packages string // where distributions have it
	missing  State  // what it is that it is not there
	dirs     []string
}

func tools(own []string) []tool {
	return []tool{
		{"roost-seccomp", "filters of system calls", "make install builds it where libseccomp is", Warning, own},
		{"pasta", "networks without privilege", "package passt", Note, nil},
		{"slirp4netns", "networks without privilege", "package slirp4netns", Note, nil},
		{"fuse-overlayfs", "overlays where the kernel refuses them", "package fuse-overlayfs", Note, nil},
		{"criu", "checkpoints", "package criu", Note, nil},
	}
}

// toolFacts is one of them, as it is here.
type toolFacts struct {
	tool
	path    string // "" is nowhere
	version string
	err     error // it does not say
}

func (h host) toolFacts(ctx context.Context, program string) (list []toolFacts) {
	dir := filepath.Dir(program)
	for _, t := range tools([]string{dir, filepath.Join(dir, "../libexec/roost"), "/usr/libexec/roost", "/usr/local/libexec/roost"}) {
		f := toolFacts{tool: t, path: h.find(t)}
		if f.path != "" {
			f.version, f.err = probe.Version(ctx, f.path)
		}
		list = append(list, f)
	}
	return list
}

// find looks where the tool's own directories are, then in PATH and where distributions have programs.
func (h host) find(t tool) string {
	dirs := append(append([]string(nil), t.dirs...), filepath.SplitList(h.env("PATH"))...)
	for _, dir := range append(dirs, "/usr/local/bin", "/usr/bin", "/usr/sbin", "/sbin", "/bin") {
		path := filepath.Join(dir, t.name)
		if info, err := os.Stat(path); err == nil && filepath.IsAbs(path) && info.Mode().IsRegular() && unix.Access(path, unix.X_OK) == nil {
			return path
		}
	}
	return ""
}

func toolItems(list []toolFacts) []Item {
	var items []Item
	for _, f := range list {
		items = append(items, toolItem(f))
	}
	return items
}

func toolItem(f toolFacts) Item {
	id := "tools." + f.name
	switch {
	case f.path == "":
		i := Item{ID: id, State: f.missing, Summary: fmt.Sprintf("no %s, for %s (%s)", f.name, f.use, f.packages), Who: Admin, Remedy: "install it: " + f.packages}
		if f.missing == Note {
			i.brief = brief{"not installed: ", f.name + " (" + f.packages + ")"}
		}
		return i
	case f.err != nil:
		return Item{ID: id, State: f.missing, Summary: f.name + " is there, and does not work"}.because(f.path, f.err).remedy(Admin, "reinstall it: "+f.packages)
	}
	i := ok(id, f.path+": "+orElse(f.version, "it runs")).says(f.path, f.version)
	i.brief = brief{"", f.name}
	return i
}
