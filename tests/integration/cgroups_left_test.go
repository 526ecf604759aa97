package integration

import (
	"io/fs"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// issued are the ids of the containers that the tests have made.
type issued struct {
	mutex sync.Mutex
	known map[string]bool
}

func (s *issued) add(id string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.known == nil {
		s.known = make(map[string]bool)
	}
	s.known[id] = true
}

// cgroups are those that are named after one of the containers, wherever they are. What a service manager has to take away is given a
// moment.
func (s *issued) cgroups() (left []string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		left = nil
		_ = filepath.WalkDir("/sys/fs/cgroup", func(path string, e fs.DirEntry, err error) error {
			if err == nil && e.IsDir() && s.named(e.Name()) {
				left = append(left, path)
			}
			return nil
		})
		if len(left) == 0 || time.Now().After(deadline) {
			return left
		}
	}
}

// named reports whether a cgroup is one of the containers': roost-ID.INODE, roost-ID.scope, ID.
func (s *issued) named(cgroup string) bool {
	for _, word := range strings.FieldsFunc(cgroup, func(r rune) bool { return r == '-' || r == '.' }) {
		if s.known[word] {
			return true
		}
	}
	return false
}

func TestCgroupsAreFoundByTheirContainers(t *testing.T) {
	s := issued{known: map[string]bool{"c1": true}}
	for name, want := range map[string]bool{"c1": true, "roost-c1.3k": true, "roost-c1.scope": true, "roost-c12.3k": false, "user.slice": false} {
		if s.named(name) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
}
