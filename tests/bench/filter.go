package main

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// systemCallFilter makes a profile of the size that engines use: every name that the kernel's headers know, for the
// machine's word sizes, but a few that engines keep away from containers. The names come from the headers, since gcc
// brings them along, and a list kept here would age.
func systemCallFilter() (*specs.LinuxSeccomp, error) {
	names := map[string]bool{}
	define := regexp.MustCompile(`(?m)^#define __NR_([a-z0-9_]+)\s`)
	for _, pattern := range []string{"/usr/include/*/asm/unistd*.h", "/usr/include/asm/unistd*.h", "/usr/include/asm-generic/unistd.h"} {
		files, _ := filepath.Glob(pattern)
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				return nil, err
			}
			for _, match := range define.FindAllSubmatch(text, -1) {
				names[string(match[1])] = true
			}
		}
	}
	for _, denied := range []string{"bpf", "kexec_load", "kexec_file_load", "init_module", "finit_module", "delete_module",
		"open_by_handle_at", "perf_event_open", "quotactl", "reboot", "swapon", "swapoff", "syslog", "userfaultfd"} {
		delete(names, denied)
	}
	if len(names) < 100 {
		return nil, errors.New("the kernel's headers are not installed; install linux-libc-dev")
	}
	allowed := make([]string, 0, len(names))
	for name := range names {
		allowed = append(allowed, name)
	}
	slices.Sort(allowed)
	errno := uint(1) // EPERM, as engines answer
	return &specs.LinuxSeccomp{
		DefaultAction:   specs.ActErrno,
		DefaultErrnoRet: &errno,
		Architectures:   filterArchitectures(),
		Syscalls:        []specs.LinuxSyscall{{Names: allowed, Action: specs.ActAllow}},
	}, nil
}

func filterArchitectures() []specs.Arch {
	switch runtime.GOARCH {
	case "amd64":
		return []specs.Arch{specs.ArchX86_64, specs.ArchX86, specs.ArchX32}
	case "arm64":
		return []specs.Arch{specs.ArchAARCH64, specs.ArchARM}
	}
	return nil // the runtime's own
}
