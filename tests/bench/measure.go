package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// sample is one measurement.
type sample struct {
	wall time.Duration // CLOCK_MONOTONIC, from before the start of the first command to the end of the last
	cpu  time.Duration // user and system, of all processes that were waited for
	peak int64         // KiB, the largest resident set of any one of them
}

// environment is what callers such as conmon pass, and no more.
func environment(state string) []string {
	return []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "XDG_RUNTIME_DIR=" + state, "LC_ALL=C"}
}

// sample has the meter run the steps. The meter's own start is outside of what it measures.
func (b *run) sample(op operation, steps []command) (sample, error) {
	args := []string{"3", strconv.Itoa(op.jobs), strconv.Itoa(op.turns)}
	for _, step := range steps {
		args = append(append(args, step...), ";")
	}
	log, err := os.Create(filepath.Join(b.opts.work, "stderr"))
	if err != nil {
		return sample{}, err
	}
	defer log.Close()
	read, write, err := os.Pipe()
	if err != nil {
		return sample{}, err
	}
	defer read.Close()
	cmd := exec.Command(filepath.Join(b.opts.bin, "meter"), args...)
	cmd.Env = environment(b.opts.state)
	cmd.Stderr = log
	cmd.ExtraFiles = []*os.File{write}
	err = cmd.Start()
	write.Close()
	if err != nil {
		return sample{}, err
	}
	line, readErr := io.ReadAll(read)
	if err := cmd.Wait(); err != nil {
		return sample{}, fmt.Errorf("meter: %w (killed by its alarm: a command hung for a minute): %s", err, firstLine(log.Name()))
	}
	if readErr != nil {
		return sample{}, readErr
	}
	return parseSample(string(line), steps, log.Name())
}

// parseSample reads the meter's line.
func parseSample(line string, steps []command, log string) (sample, error) {
	var wall, user, system, peak int64
	var status, step int
	if n, err := fmt.Sscan(line, &wall, &user, &system, &peak, &status, &step); err != nil {
		return sample{}, fmt.Errorf("meter: said %q, %d of 6 numbers: %w", line, n, err)
	}
	if status != 0 {
		words := append(command{filepath.Base(steps[step][0])}, steps[step][1:]...)
		return sample{}, fmt.Errorf("%s: exit status %d: %s", strings.Join(words, " "), status, firstLine(log))
	}
	return sample{
		wall: time.Duration(wall),
		cpu:  time.Duration(user+system) * time.Microsecond,
		peak: peak,
	}, nil
}
