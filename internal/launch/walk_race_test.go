package launch

import (
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"
)

// TestWalkRace has somebody swap a directory and a link to a place outside of the root, thousands of times, while paths
// through them are made. Some walks fail; none may make anything outside.
func TestWalkRace(t *testing.T) {
	launches, walks := 40, 250
	if testing.Short() {
		launches = 5
	}
	dir := t.TempDir()
	root, canary := filepath.Join(dir, "root"), filepath.Join(dir, "canary")
	lay(t, dir, "canary/")
	lay(t, root, "a/d/", "a/l -> "+canary, "a/m -> ../../canary", "a/n -> "+canary+"/not/there", "b/d/")
	swaps := swapAll(t, root, [][2]string{{"a/d", "a/l"}, {"a/l", "a/m"}, {"a/m", "a/n"}, {"a", "b"}})

	p := compile(t, 0, func(b *Builder) {
		in, got := b.Slot(), b.Slot()
		b.Call("open root", unix.SYS_OPENAT, Const(unix.AT_FDCWD), b.String(root), Const(unix.O_PATH)).Out(in)
		for i := range walks {
			path := fmt.Sprintf("a/d/x%d/y", i)
			if i%2 == 0 {
				b.MkdirAll("make", in.Arg(), path, 0o755).Out(got).Ignore()
			} else {
				b.Create("make", in.Arg(), path).Out(got).Ignore()
			}
			b.Call("close", unix.SYS_CLOSE, got.Arg()).Ignore()
		}
		b.Stop(0)
	})
	for range launches {
		finish(t, p)
		if entries, err := os.ReadDir(canary); err != nil || len(entries) != 0 {
			t.Fatalf("made outside of the root: %v, %v", entries, err)
		}
		removeMade(t, root)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 2 {
		t.Errorf("beside the root: %v", entries)
	}
	t.Logf("%d walks, %d swaps", launches*walks, swaps.Load())
	if swaps.Load() < int64(launches) {
		t.Error("there was no race")
	}
}

// swapAll exchanges the pairs by turns until the test ends.
func swapAll(t *testing.T, root string, pairs [][2]string) *atomic.Int64 {
	at, err := unix.Open(root, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	var swaps atomic.Int64
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			pair := pairs[i%len(pairs)]
			if unix.Renameat2(at, pair[0], at, pair[1], unix.RENAME_EXCHANGE) == nil {
				swaps.Add(1)
			}
		}
	}()
	t.Cleanup(func() {
		close(stop)
		<-stopped
		unix.Close(at)
	})
	return &swaps
}

// removeMade takes away what the walks made, wherever in the root it went, so that the next ones have something to make.
func removeMade(t *testing.T, root string) {
	for _, pattern := range []string{"[ab]/[dlmn]/x*", "*/*/canary/not/there/x*", "*/*/canary/x*", "canary/x*"} {
		made, _ := filepath.Glob(filepath.Join(root, pattern))
		for _, m := range made {
			_ = os.RemoveAll(m)
		}
	}
}
