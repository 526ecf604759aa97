package main

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// subIDs are the caller's second ranges, container id 1 and up. The text files are enough here: run.sh fills them in.
func subIDs() (uids, gids specs.LinuxIDMapping, err error) {
	caller, err := user.Current()
	if err != nil {
		return uids, gids, err
	}
	uids, uidErr := subRange("/etc/subuid", caller)
	gids, gidErr := subRange("/etc/subgid", caller)
	// The floor takes one count for both.
	uids.Size = min(uids.Size, gids.Size)
	gids.Size = uids.Size
	return uids, gids, errors.Join(uidErr, gidErr)
}

func subRange(path string, owner *user.User) (specs.LinuxIDMapping, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return specs.LinuxIDMapping{}, err
	}
	for line := range strings.Lines(string(text)) {
		field := strings.Split(strings.TrimSpace(line), ":")
		if len(field) != 3 || (field[0] != owner.Username && field[0] != owner.Uid) {
			continue
		}
		first, err := strconv.ParseUint(field[1], 10, 32)
		if err != nil {
			continue
		}
		count, err := strconv.ParseUint(field[2], 10, 32)
		if err != nil || count == 0 {
			continue
		}
		return specs.LinuxIDMapping{ContainerID: 1, HostID: uint32(first), Size: uint32(count)}, nil
	}
	return specs.LinuxIDMapping{}, fmt.Errorf("%s: no range for %s; add one with usermod", path, owner.Username)
}
