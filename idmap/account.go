package idmap

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"strings"
)

// Account looks up who might have sub-ids: in /etc/passwd, and by getent(1) where
// nsswitch.conf names more than that file (the static binary cannot load a name
// service module itself) and sub-ids are granted to anybody at all. Without an
// entry, which is no error, the Name is empty and GID is gid.
func (s Sources) Account(ctx context.Context, uid, gid uint32) (Account, error) {
	none := Account{UID: uid, GID: gid}
	data, err := readFile(s.Root + "/etc/passwd")
	if err != nil {
		return none, fmt.Errorf("account of uid %d: %w", uid, err)
	}
	if a, ok := scanPasswd(data, uid); ok {
		return a, nil
	}
	if elsewhere, err := s.passwdElsewhere(); err != nil || !elsewhere {
		return none, err
	}
	// A pod's arbitrary uid comes here at every start, and a process costs it 2 ms.
	if granted, err := s.grantsAny(); err != nil || !granted {
		return none, err
	}
	return s.getent(ctx, none)
}

// getent asks the name services. Its absence (small images) and its "not found"
// are the same answer: nobody here knows the account.
func (s Sources) getent(ctx context.Context, none Account) (Account, error) {
	path, ok := program(s.Dirs, "getent")
	if !ok {
		return none, nil
	}
	ended, err := run(ctx, path, []string{"passwd", strconv.FormatUint(uint64(none.UID), 10)})
	if err != nil {
		return none, fmt.Errorf("account of uid %d: %w", none.UID, err)
	}
	if ended.code <= 0 { // less where the status was lost
		if a, ok := scanPasswd([]byte(ended.output), none.UID); ok {
			return a, nil
		}
	}
	return none, nil
}

// scanPasswd finds the first line of passwd(5) with the uid, as getpwuid(3) does.
func scanPasswd(data []byte, uid uint32) (Account, bool) {
	number := strconv.AppendUint(nil, uint64(uid), 10)
	for line := range bytes.Lines(data) {
		name, rest, ok := bytes.Cut(bytes.TrimSpace(line), []byte(":"))
		if !ok || len(name) == 0 || name[0] == '#' || name[0] == '+' || name[0] == '-' {
			continue
		}
		_, rest, _ = bytes.Cut(rest, []byte(":"))
		id, rest, _ := bytes.Cut(rest, []byte(":"))
		if !bytes.Equal(id, number) {
			continue
		}
		group, _, _ := bytes.Cut(rest, []byte(":"))
		gid, err := strconv.ParseUint(string(group), 10, 32)
		if err != nil {
			continue
		}
		return Account{UID: uid, GID: uint32(gid), Name: string(name)}, true
	}
	return Account{}, false
}

// OwnGroupOnly tells whether newuidmap and newgidmap refuse an account that runs
// with another group than its own, as after newgrp(1) or in a batch job. It is
// so unless login.defs has GRANT_AUX_GROUP_SUBIDS yes (shadow 4.9).
func (s Sources) OwnGroupOnly() bool {
	data, err := readFile(s.Root + "/etc/login.defs")
	if err != nil {
		return true
	}
	only := true
	for line := range strings.Lines(string(data)) {
		f := strings.Fields(line)
		if len(f) >= 2 && f[0] == "GRANT_AUX_GROUP_SUBIDS" {
			only = !strings.EqualFold(strings.Trim(f[1], `"`), "yes")
		}
	}
	return only
}
