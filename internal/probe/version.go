package probe

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/roost-run/roost/internal/oneshot"
)

// Version is the first line of what the program at this path says to --version. An error is a program that does not run. Some (pasta) run,
// and say nothing where standard output is no terminal: "".
func Version(ctx context.Context, path string) (string, error) {
	var streams [3]*os.File
	for i := range streams {
		f, err := oneshot.Memory(64 << 10)
		if err != nil {
			return "", err
		}
		defer f.Close()
		streams[i] = f
	}
	status, err := oneshot.Run(ctx, path, []string{"--version"}, streams)
	if err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	said := strings.TrimSpace(string(oneshot.Written(streams[1])) + string(oneshot.Written(streams[2])))
	first, _, _ := strings.Cut(said, "\n")
	switch {
	case status.Signaled():
		return "", fmt.Errorf("%s --version: killed by signal %d", path, int(status.Signal()))
	case status.ExitStatus() != 0:
		return "", fmt.Errorf("%s --version: exit status %d: %s", path, status.ExitStatus(), first)
	}
	return first, nil
}
