package runtime

import (
	"context"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

func (u unit) set(context.Context, *specs.LinuxResources) error { return nil }
