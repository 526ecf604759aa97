package idmap

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
)

// Account is who asks for sub-ids. Name is empty when there is no passwd entry.
// GID is the account's own group where there is an entry (newuidmap compares the
// caller's with it), otherwise the caller's.
type Account struct {
	UID, GID uint32
	Name     string
}

// String is the name for messages: "alice", or "uid 1000".
func (a Account) String() string {
	if a.Name != "" {
		return a.Name
	}
	return "uid " + strconv.FormatUint(uint64(a.UID), 10)
}

// Sources says where accounts and sub-ids are looked up. The zero value is this
// machine.
type Sources struct {
	// Root is put before /etc/passwd, /etc/nsswitch.conf, /etc/subuid,
	// /etc/subgid and /etc/login.defs.
	Root string
	// Dirs has the programs getsubids and getent; nil stands for PATH and the
	// usual directories.
	Dirs []string
}

// FileSource is what SubIDs gives as source where the ranges are from files.
const FileSource = "/etc/subuid and /etc/subgid"

// SubIDs is the sub-ids that the account was granted on this machine, and the
// name of the source that said so; no ranges and no error when there are none.
// An error is a source that could not be asked: a file that cannot be read, a
// directory service that does not answer.
func SubIDs(ctx context.Context, a Account) (uids, gids []SubRange, source string, err error) {
	return Sources{}.SubIDs(ctx, a)
}

// SubIDs does what the function of that name does, with these sources.
func (s Sources) SubIDs(ctx context.Context, a Account) (uids, gids []SubRange, source string, err error) {
	service, err := s.subidService()
	if err != nil {
		return nil, nil, "", err
	}
	if service != "files" {
		return s.getsubids(ctx, a, service)
	}
	// Both files go by the user, subgid too: it grants groups to a login.
	if uids, err = s.granted("/etc/subuid", a); err != nil {
		return nil, nil, "", err
	}
	if gids, err = s.granted("/etc/subgid", a); err != nil {
		return nil, nil, "", err
	}
	return uids, gids, FileSource, nil
}

func (s Sources) granted(path string, a Account) ([]SubRange, error) {
	data, err := readFile(s.Root + path)
	if err != nil {
		return nil, fmt.Errorf("sub-ids of %s: %w", a, err)
	}
	return scanSubIDs(data, a), nil
}

// grantsAny tells whether there may be sub-ids of anybody.
func (s Sources) grantsAny() (bool, error) {
	if files, err := s.Files(); err != nil || !files {
		return err == nil, err
	}
	for _, path := range [...]string{"/etc/subuid", "/etc/subgid"} {
		data, err := readFile(s.Root + path)
		if err != nil || len(data) > 0 {
			return err == nil, err
		}
	}
	return false, nil
}

// scanSubIDs picks the lines OWNER:START:COUNT of subuid(5) whose owner is the
// account by name or by number. A line that makes no sense is passed over, as
// newuidmap does: it may be another account's, and must not stop this one.
func scanSubIDs(data []byte, a Account) []SubRange {
	var found []SubRange
	number := strconv.AppendUint(nil, uint64(a.UID), 10)
	for line := range bytes.Lines(data) {
		owner, numbers, ok := bytes.Cut(bytes.TrimSpace(line), []byte(":"))
		if !ok || !(bytes.Equal(owner, number) || a.Name != "" && string(owner) == a.Name) {
			continue
		}
		start, count, _ := bytes.Cut(numbers, []byte(":"))
		if r, ok := parseSubRange(string(start), string(count)); ok {
			found = append(found, r)
		}
	}
	return found
}

func parseSubRange(start, count string) (SubRange, bool) {
	first, err1 := strconv.ParseUint(start, 10, 32)
	n, err2 := strconv.ParseUint(count, 10, 32)
	if err1 != nil || err2 != nil || n == 0 || first+n > idEnd {
		return SubRange{}, false
	}
	return SubRange{Start: uint32(first), Size: uint32(n)}, true
}
