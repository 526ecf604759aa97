package runtime

import (
	"fmt"

	"github.com/roost-run/roost/internal/fault"
	"github.com/roost-run/roost/internal/launch"
	"github.com/roost-run/roost/internal/spec"
)

// What callers branch on. The words are runc's, since engines look for them.
var (
	ErrExist        error = &fault.Error{Code: fault.ContainerExists, Err: fault.Words("container with given ID already exists")}
	ErrNotExist     error = &fault.Error{Code: fault.NoContainer, Err: fault.Words("container does not exist")}
	ErrInvalidID    error = &fault.Error{Code: fault.InvalidID, Err: fault.Words("invalid container ID format")}
	ErrNotRunning   error = &fault.Error{Code: fault.NotRunning, Err: fault.Words("container not running")}
	ErrRunning      error = &fault.Error{Code: fault.Running, Err: fault.Words("container still running")}
	ErrPaused       error = &fault.Error{Code: fault.Paused, Err: fault.Words("container paused")}
	ErrNotPaused    error = &fault.Error{Code: fault.NotPaused, Err: fault.Words("container not paused")}
	ErrNotSupported error = &fault.Error{Code: fault.NotSupported, Err: fault.Words("not supported")}
)

// ConfigError is everything that is wrong with a configuration.
type ConfigError = spec.Error

// LaunchError is a step of setting up that failed, with its path and errno.
type LaunchError = launch.Error

// Problem is one thing that a container asked for and does not have, or one that is wrong with its configuration.
type Problem = spec.Problem

// planError collects what a Plan cannot be made of.
type planError struct{ problems []Problem }

func (e *planError) add(path, format string, args ...any) {
	e.problems = append(e.problems, Problem{Path: path, Text: fmt.Sprintf(format, args...)})
}

func (e *planError) err() error { return e.of("config.json") }

// of is the error about a document of another name.
func (e *planError) of(document string) error {
	if len(e.problems) == 0 {
		return nil
	}
	return &spec.Error{Document: document, Problems: e.problems}
}
