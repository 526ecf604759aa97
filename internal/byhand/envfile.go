package byhand

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// maxFile is as large as a file that a flag names may be, in bytes; execve(2) takes less environment than that.
const maxFile = 1 << 20

// parseEnvFile reads docker's and podman's format: a variable a line, KEY=VALUE or KEY (the caller's value); lines that are
// empty or begin with # do not count; nothing is unquoted, and white space in a value stays. All bad lines
// come back, with their numbers.
func parseEnvFile(text string) (lines, bad []string) {
	n := 0
	for line := range strings.Lines(strings.TrimPrefix(text, "\uFEFF")) {
		n++
		line = strings.TrimLeft(strings.TrimRight(line, "\r\n"), " \t")
		if line == "" || line[0] == '#' {
			continue
		}
		what := badEnv(line)
		if !utf8.ValidString(line) {
			what = "is not UTF-8"
		}
		if what != "" {
			bad = append(bad, fmt.Sprintf("line %d: %s", n, what))
			continue
		}
		lines = append(lines, line)
	}
	return lines, bad
}

// readEnvFile reads a file, or a pipe as the shell's <(command) makes one. A named pipe nobody writes to would hang
// a careless open(2) for ever; opened without blocking it reads as empty, which is told.
func readEnvFile(name string) (string, error) {
	fd, err := unix.Open(name, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", pathError(name, err)
	}
	f := os.NewFile(uintptr(fd), name)
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return "", err
	}
	mode := st.Mode()
	if !mode.IsRegular() && mode&os.ModeNamedPipe == 0 {
		return "", fmt.Errorf("%s is not a file with lines of KEY=VALUE", name)
	}
	text, err := readAtMost(f)
	if err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	if len(text) == 0 && !mode.IsRegular() {
		return "", fmt.Errorf("%s is a pipe that nobody writes to", name)
	}
	return text, nil
}

func readAtMost(r io.Reader) (string, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	switch {
	case err != nil:
		return "", err
	case len(data) > maxFile:
		return "", errors.New("larger than 1 MiB")
	}
	return string(data), nil
}

// pathError says in words what open(2) says in errnos.
func pathError(name string, err error) error {
	switch {
	case errors.Is(err, unix.ENOENT):
		return fmt.Errorf("%s is not there", name)
	case errors.Is(err, unix.EACCES):
		return fmt.Errorf("you may not read %s", name)
	}
	return fmt.Errorf("open %s: %w", name, err)
}
