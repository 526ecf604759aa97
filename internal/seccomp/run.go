package seccomp

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/oneshot"
)

// maxText is more than the compiler says about a section.
const maxText = 64 << 10

// compile runs the compiler.
func compile(ctx context.Context, where places, raw []byte) (file []byte, err error) {
	path, err := where.find()
	if err != nil {
		return nil, err
	}
	fail := func(err error) error { return fmt.Errorf("%s: %w", path, err) }
	var streams [3]*os.File
	for i, size := range []int{len(raw), maxFile, maxText} {
		if streams[i], err = oneshot.Memory(size); err != nil {
			return nil, fail(err)
		}
		defer streams[i].Close()
	}
	if _, err := streams[0].WriteAt(raw, 0); err != nil { // the position stays at the beginning
		return nil, fail(err)
	}
	status, err := oneshot.Run(ctx, path, nil, streams)
	if err != nil {
		return nil, fail(err)
	}
	said := oneshot.Written(streams[2])
	if status.Exited() && status.ExitStatus() == 0 && len(said) == 0 {
		return oneshot.Written(streams[1]), nil
	}
	if problems := problems(string(said)); status.Exited() && problems != nil {
		return nil, &ProfileError{problems}
	}
	return nil, fail(ended(status, strings.TrimSpace(string(said))))
}

// problems are the lines about the section, if it said nothing else.
func problems(said string) (list []string) {
	for line := range strings.Lines(said) {
		if !strings.HasPrefix(line, "linux.seccomp") {
			return nil
		}
		list = append(list, strings.TrimRight(line, "\n"))
	}
	return list
}

func ended(status unix.WaitStatus, said string) error {
	how := fmt.Sprintf("exit status %d", status.ExitStatus())
	if status.Signaled() {
		how = fmt.Sprintf("killed by signal %d", int(status.Signal()))
	}
	if said == "" {
		return errors.New(how)
	}
	return fmt.Errorf("%s: %.1000s", how, strings.ReplaceAll(said, "\n", "; "))
}
