package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// profile is the one that roost ships (contrib/seccomp), which is of the size that engines use, for this machine's word sizes.
func profile(section []byte) (*specs.LinuxSeccomp, error) {
	s := &specs.LinuxSeccomp{}
	if err := json.Unmarshal(section, s); err != nil {
		return nil, fmt.Errorf("profile.json: %w", err)
	}
	switch runtime.GOARCH {
	case "amd64":
	case "arm64":
		s.Architectures = []specs.Arch{specs.ArchAARCH64, specs.ArchARM}
	default:
		s.Architectures = nil // the runtime's own
	}
	return s, nil
}

// compileFilter makes the file that the floor loads: the instructions, which are the last thing in what roost-seccomp writes.
func (b *run) compileFilter(section []byte) (string, error) {
	cmd := exec.Command(filepath.Join(b.opts.bin, "roost-seccomp"))
	cmd.Stdin = bytes.NewReader(section)
	file, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("roost-seccomp: %w", err)
	}
	const lengths = 8 + 5*4 // after the magic: version, flags, three lengths, and that of the instructions
	if len(file) < lengths+4 {
		return "", errors.New("roost-seccomp: too short a file")
	}
	n := int(binary.NativeEndian.Uint32(file[lengths:]))
	if n <= 0 || n > len(file) {
		return "", errors.New("roost-seccomp: not the file that was expected")
	}
	path := filepath.Join(b.opts.work, "filter")
	return path, os.WriteFile(path, file[len(file)-n:], 0o644)
}
