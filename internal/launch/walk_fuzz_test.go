package launch

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// FuzzWalk compares the walk with a model of it, in trees of few names and many links: by where it ends, by the errno and by
// what the tree is afterwards.
func FuzzWalk(f *testing.F) {
	f.Add("a -> /b/c\nb/", "a/d", false)
	f.Add("a -> ../b\nb -> c/../d", "a/b", true)
	f.Add("a/b -> /a\nc", "a/b/b/c", false)
	f.Add("a -> b/\nb -> c", "a", true)
	f.Fuzz(func(t *testing.T, layout, path string, file bool) {
		compareWithModel(t, layout, path, file)
	})
}

// TestWalkModel is as much of the fuzzing as every run can have.
func TestWalkModel(t *testing.T) {
	n := 400
	if testing.Short() {
		n = 50
	}
	r := rand.New(rand.NewSource(1))
	word := func() string {
		parts := make([]string, 1+r.Intn(4))
		for i := range parts {
			parts[i] = []string{"a", "b", "c", "..", ".", ""}[min(r.Intn(9), 5)%6]
			if r.Intn(3) > 0 {
				parts[i] = string(rune('a' + r.Intn(3)))
			}
		}
		return strings.Join(parts, "/")
	}
	for range n {
		var layout []string
		for range r.Intn(8) {
			line := word() + []string{"", "/", " -> " + word(), " -> /" + word(), " -> " + word()}[r.Intn(5)]
			layout = append(layout, line)
		}
		compareWithModel(t, strings.Join(layout, "\n"), word(), r.Intn(2) == 0)
	}
}

func compareWithModel(t *testing.T, layout, path string, file bool) {
	path = strings.TrimPrefix(filepath.Clean("/"+path), "/") // as callers must
	if strings.ContainsAny(layout+path, "\x00") || len(layout) > 500 || len(path) > 200 {
		t.Skip("not a path")
	}
	root, err := os.MkdirTemp(t.TempDir(), "root")
	if err != nil {
		t.Fatal(err)
	}
	model := layModel(layout, root)
	kind := asDir
	if file {
		kind = asFile
	}
	before := strings.Join(list(t, root), "\n")
	wantErr := model.walk(path, file)
	got, err := walkIn(t, root, path, kind)
	if model.links > maxLinks {
		return // the kernel counts anew what the walk has resolved once; both end, that is enough
	}
	var errno syscall.Errno
	errors.As(err, &errno)
	tree := strings.Join(list(t, root), "\n")
	if errno != wantErr || err == nil && got != model.path(model.cur) || tree != strings.Join(model.list(), "\n") {
		t.Errorf("%q (file %v) in\n%s\nends at %q, %v, not %q, %v, with\n%s\nnot\n%s",
			path, file, before, got, err, model.path(model.cur), wantErr, tree, strings.Join(model.list(), "\n"))
	}
}

// node is a file of the model: a directory if it has entries, a link if it has a target.
type node struct {
	parent  *node
	name    string
	entries map[string]*node
	target  string
}

type walkModel struct {
	root, cur *node
	links     int
}

// layModel makes the layout for real, and in the model whatever of it could be made.
func layModel(layout, root string) *walkModel {
	m := &walkModel{root: &node{entries: map[string]*node{}}}
	m.root.parent = m.root
	for line := range strings.SplitSeq(layout, "\n") {
		name, target, isLink := strings.Cut(line, " -> ")
		isDir := strings.HasSuffix(name, "/")
		name = strings.TrimPrefix(filepath.Clean("/"+name), "/")
		if name == "" || isLink && target == "" {
			continue
		}
		dir := m.root
		full := root
		parts := strings.Split(name, "/")
		for _, part := range parts[:len(parts)-1] {
			full = filepath.Join(full, part)
			if os.Mkdir(full, 0o755) == nil {
				dir.add(part, &node{entries: map[string]*node{}})
			}
			if dir = dir.entries[part]; dir == nil || dir.entries == nil {
				break
			}
		}
		if dir == nil || dir.entries == nil {
			continue // a link or a file is in the way: no matter
		}
		last := parts[len(parts)-1]
		full = filepath.Join(root, name)
		switch {
		case dir.entries[last] != nil:
		case isLink:
			if os.Symlink(target, full) == nil {
				dir.add(last, &node{target: target})
			}
		case isDir:
			if os.Mkdir(full, 0o755) == nil {
				dir.add(last, &node{entries: map[string]*node{}})
			}
		default:
			if os.WriteFile(full, nil, 0o644) == nil {
				dir.add(last, &node{})
			}
		}
	}
	return m
}

func (n *node) add(name string, child *node) *node {
	child.parent, child.name = n, name
	n.entries[name] = child
	return child
}

// walk is what a container would do that makes each missing component, one after the other.
func (m *walkModel) walk(path string, file bool) syscall.Errno {
	m.cur = m.root
	todo := strings.Split(path, "/")
	for len(todo) > 0 {
		part := todo[0]
		todo = todo[1:]
		if m.cur.entries == nil {
			return syscall.ENOTDIR
		}
		if len(part) > 255 {
			return syscall.ENAMETOOLONG
		}
		switch part {
		case "", ".":
			continue
		case "..":
			m.cur = m.cur.parent
			continue
		}
		next := m.cur.entries[part]
		switch {
		case next == nil && len(todo) == 0 && file:
			next = m.cur.add(part, &node{})
		case next == nil:
			next = m.cur.add(part, &node{entries: map[string]*node{}})
		case next.target != "":
			if m.links++; m.links > maxLinks {
				return syscall.ELOOP
			}
			todo = append(strings.Split(next.target, "/"), todo...)
			if next.target[0] == '/' {
				m.cur = m.root
			}
			continue
		}
		m.cur = next
	}
	switch isDir := m.cur.entries != nil; {
	case isDir && file:
		return syscall.EISDIR
	case !isDir && !file:
		return syscall.ENOTDIR
	}
	return 0
}

func (m *walkModel) path(n *node) string {
	if n == m.root {
		return ""
	}
	return strings.TrimPrefix(m.path(n.parent)+"/"+n.name, "/")
}

func (m *walkModel) list() []string {
	// In the order of filepath.WalkDir: lexical in each directory.
	var lines []string
	var visit func(n *node)
	visit = func(n *node) {
		names := make([]string, 0, len(n.entries))
		for name := range n.entries {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			c := n.entries[name]
			lines = append(lines, describe(m.path(c), c.entries != nil, c.target))
			visit(c)
		}
	}
	visit(m.root)
	return lines
}

func list(t *testing.T, root string) []string {
	t.Helper()
	var lines []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		target, _ := os.Readlink(path)
		lines = append(lines, describe(path[len(root)+1:], d.IsDir(), target))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

func describe(path string, dir bool, target string) string {
	switch {
	case dir:
		return path + "/"
	case target != "":
		return fmt.Sprintf("%s -> %s", path, target)
	}
	return path
}
