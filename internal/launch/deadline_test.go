package launch

import (
	"errors"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A child that is stopped after its last sync point has only the execve before it. Whoever is not to hang by a stopped child
// must not hang there: the last deadline goes on.
func TestStoppedBeforeExecve(t *testing.T) {
	const patience = 30 * time.Millisecond
	for _, fork := range []bool{false, true} {
		p := compile(t, 0, func(b *Builder) {
			if fork {
				b.Fork("fork", unix.CLONE_PARENT)
			}
			b.Sync("last", patience, nil, Arg{}, 0, nil)
			stopItself(b)
			execute(b, "/bin/true")
		})
		w := newWitness(t)
		child, err := Start(p, Options{Files: []File{w.file()}})
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Drive(t.Context()); !errors.Is(err, ErrDeadline) {
			t.Errorf("fork %v: %v", fork, err)
		}
		child.Close()
		w.gone(t)
		noChildren(t)
	}
}
