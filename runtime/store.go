package runtime

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/fault"
)

// Store is a state root: a directory that holds one directory for each container.
type Store struct {
	// HookContext, if not nil, gives the context for a call that runs hooks, made from the call's own: a command catches signals
	// there, which for all others would be wasted time. A hook ends with its context.
	HookContext func(context.Context) (context.Context, context.CancelFunc)

	root string
	log  *slog.Logger
}

// Open returns the store at root, see [DefaultRoot]. It makes the directory, with mode 0700, if it is missing, and refuses
// one that others own or can write, or that is a symbolic link. A nil logger discards.
func Open(root string, log *slog.Logger) (*Store, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, err
	}
	if root == "/" {
		return nil, fault.New(fault.State, "state root /: containers' directories would lie between the system's").Remedy("choose another --root")
	}
	if ownDirectory(root) != nil {
		if err := makeRoot(root); err != nil {
			return nil, fault.New(fault.State, "state root: %w", err).Remedy("choose another --root")
		}
	}
	return &Store{root: root, log: log}, nil
}

// makeRoot makes the directory. The sticky bit keeps those away who clear $XDG_RUNTIME_DIR of old files (XDG base directory
// specification).
func makeRoot(root string) error {
	if err := os.MkdirAll(filepath.Dir(root), 0o700); err != nil {
		return err
	}
	err := unix.Mkdir(root, 0o700)
	if err == nil {
		err = unix.Chmod(root, 0o700|unix.S_ISVTX)
	}
	if err != nil && !errors.Is(err, unix.EEXIST) {
		return &os.PathError{Op: "mkdir", Path: root, Err: err}
	}
	return ownDirectory(root)
}

// Load finds a container: ErrNotExist, or an error that says what of its record is broken.
func (s *Store) Load(id string) (*Container, error) {
	if err := checkID(id); err != nil {
		return nil, err
	}
	d, err := s.openDirectory(id)
	if err != nil {
		return nil, err
	}
	defer d.close()
	return s.load(d)
}

func (s *Store) load(d *directory) (*Container, error) {
	rec, err := d.readRecord()
	if err != nil {
		if errors.Is(err, unix.ENOENT) {
			return nil, fault.New("", "container %s: %w: it was never made in full", d.id, ErrNotExist).Remedy("`roost delete --force %s` clears what is left", d.id)
		}
		return nil, fault.New(fault.State, "container %s: %w", d.id, err).Remedy("`roost delete --force %s` clears it", d.id)
	}
	return &Container{store: s, id: d.id, rec: *rec}, nil
}

// List returns the states of all containers by their ids. What cannot be read is left out and told in problems; what is
// being made at the moment is left out, too.
func (s *Store) List(ctx context.Context) (states []State, problems []error, err error) {
	ids, err := s.ids()
	if err != nil {
		return nil, nil, err
	}
	for _, id := range ids {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		st, err := s.stateOf(id)
		if errors.Is(err, ErrNotExist) {
			continue
		}
		if err != nil {
			problems = append(problems, err)
			continue
		}
		states = append(states, st)
	}
	return states, problems, nil
}

// stateOf is Load and State with one look at the directory.
func (s *Store) stateOf(id string) (State, error) {
	d, err := s.openDirectory(id)
	if err != nil {
		return State{}, err
	}
	defer d.close()
	c, err := s.load(d)
	if err != nil {
		return State{}, err
	}
	return c.state(d)
}

func (s *Store) ids() ([]string, error) {
	entries, err := os.ReadDir(s.root)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, e := range entries {
		if e.IsDir() && checkID(e.Name()) == nil {
			ids = append(ids, e.Name())
		}
	}
	slices.Sort(ids)
	return ids, nil
}

// Clear removes what a crash left, of any id, and returns the ids: containers whose maker died before it was done, those whose
// foreground command died (their processes are killed), and those of an earlier boot. Others stay, also after their end: an
// engine or a person will ask for them.
func (s *Store) Clear(ctx context.Context) (removed []string, err error) {
	ids, err := s.ids()
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, id := range ids {
		if ctx.Err() != nil {
			return removed, ctx.Err()
		}
		gone, err := s.clearOne(ctx, id)
		if err != nil {
			errs = append(errs, fmt.Errorf("container %s: %w", id, err))
		}
		if gone {
			removed = append(removed, id)
		}
	}
	return removed, errors.Join(errs...)
}

// firstStep is how long the child of a command that was killed may take until it is scheduled and closes what it was not given: it has
// its maker's lock until then.
const firstStep = 500 * time.Millisecond

func (s *Store) clearOne(ctx context.Context, id string) (bool, error) {
	d, err := s.openDirectory(id)
	if err != nil {
		return false, ignoreGone(err)
	}
	defer d.close()
	if err := d.flock(ctx, unix.LOCK_EX, firstStep); err != nil {
		return false, nil // somebody is at work on it
	}
	c, err := s.load(d)
	switch {
	case errors.Is(err, ErrNotExist): // never made in full
	case err != nil:
		// What we cannot read may be alive and well, or of a newer version.
		if first, ok := d.readIdentity(); !ok || first.ended() != nil {
			return false, err
		}
	case !c.abandoned(d):
		return false, nil
	}
	return true, s.clear(ctx, d)
}

func ignoreGone(err error) error {
	if errors.Is(err, ErrNotExist) {
		return nil
	}
	return err
}
