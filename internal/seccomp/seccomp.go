package seccomp

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/fault"
	"github.com/roost-run/roost/internal/sys"
)

// Filter is what seccomp(2) gets.
type Filter struct {
	Insns            []byte // struct sock_filter, one after the other, as this machine lays them out
	Flags            uint   // SECCOMP_FILTER_FLAG_*; NEW_LISTENER is in it where the filter notifies
	ListenerPath     string // the socket that gets the descriptor of a filter that notifies; "" where none does
	ListenerMetadata string
}

// Flags of seccomp(2), linux/seccomp.h.
const (
	FlagTSync            = 1 << 0
	FlagLog              = 1 << 1
	FlagSpecAllow        = 1 << 2
	FlagNewListener      = 1 << 3
	FlagWaitKillableRecv = 1 << 5
	allFlags             = FlagTSync | FlagLog | FlagSpecAllow | FlagNewListener | FlagWaitKillableRecv
)

// Bounds.
const (
	MaxSection  = 1 << 20 // bytes; the sections of engines have 20,000
	MaxInsns    = 4096    // BPF_MAXINSNS
	MaxPath     = 4096    // PATH_MAX
	MaxMetadata = 64 << 10
	insnSize    = 8
	maxFile     = headerSize + MaxPath + MaxMetadata + MaxSection + MaxInsns*insnSize
)

// Count is how many instructions it has.
func (f *Filter) Count() int { return len(f.Insns) / insnSize }

// Notifies reports whether somebody else decides about some of the calls.
func (f *Filter) Notifies() bool { return f.Flags&FlagNewListener != 0 }

// ProfileError is a section that no filter can be made of.
type ProfileError struct {
	Problems []string // "PATH: what, and the remedy", the path beginning with linux.seccomp
}

func (e *ProfileError) Error() string {
	var b bytes.Buffer
	for i, p := range e.Problems {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(p)
	}
	return b.String()
}

// ErrNoHelper says that the filter is not kept, and there is nobody here to compile it.
var ErrNoHelper = errors.New("it is not compiled yet, and roost-seccomp, which compiles, is not installed")

// Open finds the filter that was compiled from the section raw and kept below the state root, or has it compiled and keeps it.
// The error is a [*ProfileError], wraps [ErrNoHelper], or says what went wrong here.
func Open(ctx context.Context, root string, raw []byte) (*Filter, error) {
	f, err := open(ctx, root, raw, here)
	return f, fault.Default(fault.Seccomp, err)
}

func open(ctx context.Context, root string, raw []byte, where func() places) (*Filter, error) {
	if len(raw) > MaxSection {
		return nil, &ProfileError{[]string{fmt.Sprintf("linux.seccomp: %d bytes, where at most %d are read; take out rules, or white space", len(raw), MaxSection)}}
	}
	name := nameOf(raw)
	dir, err := openDirectory(root)
	if err == nil {
		f := dir.load(name, raw)
		dir.close()
		if f != nil {
			return f, nil
		}
	}
	file, err := compile(ctx, where(), raw)
	if err != nil {
		return nil, err
	}
	f, made, err := Decode(file)
	if err == nil && !bytes.Equal(made, raw) {
		err = errors.New("it is of another section")
	}
	if err != nil {
		return nil, fault.New("", "what roost-seccomp made: %w", err).Remedy("install roost and roost-seccomp of the same version")
	}
	keep(root, name, file)
	return f, nil
}

// Supported reports what keeps this process from installing filters with these flags; nil is no promise for the filter itself.
func Supported(flags uint) error {
	switch err := sys.ProbeSeccomp(flags); {
	case err == nil:
		return nil
	case errors.Is(err, unix.EINVAL) && flags != 0 && sys.ProbeSeccomp(0) == nil:
		return errors.New("this kernel does not know one of the flags")
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENOSYS):
		return errors.New("this kernel has no seccomp filters (CONFIG_SECCOMP_FILTER)")
	default:
		return fmt.Errorf("no filter can be installed here: %w", err)
	}
}
