package idmap

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/roost-run/roost/internal/fault"
)

// maxText bounds what Parse looks at: MaxLines of the longest numbers.
const maxText = MaxLines * len("4294967295:4294967295:4294967295,")

// String is the line as Parse reads it, CONTAINER:HOST:SIZE.
func (r Range) String() string { return string(r.append(nil, ':')) }

func (r Range) append(b []byte, sep byte) []byte {
	b = strconv.AppendUint(b, uint64(r.ContainerID), 10)
	b = strconv.AppendUint(append(b, sep), uint64(r.HostID), 10)
	return strconv.AppendUint(append(b, sep), uint64(r.Size), 10)
}

// String is the map as Parse reads it: "0:1000:1,1:100000:65536".
func (m Map) String() string {
	var b []byte
	for i, r := range m {
		if i > 0 {
			b = append(b, ',')
		}
		b = r.append(b, ':')
	}
	return string(b)
}

// Kernel is the map as /proc/PID/uid_map takes it, to be written at once.
func (m Map) Kernel() string {
	var b []byte
	for _, r := range m {
		b = append(r.append(b, ' '), '\n')
	}
	return string(b)
}

// arguments is the map as newuidmap(1) takes it after the process id.
func (m Map) arguments() []string {
	return strings.Fields(m.Kernel())
}

// Parse reads the form that String prints and validates it: lines
// CONTAINER:HOST:SIZE, decimal, separated by commas.
func Parse(s string) (Map, error) {
	if s == "" {
		return nil, fault.New(fault.IDMap, "id map is empty").Remedy("write CONTAINER:HOST:SIZE, as in 0:1000:1,1:100000:65536")
	}
	if len(s) > maxText {
		return nil, fault.New(fault.IDMap, "id map has %d bytes", len(s)).
			Remedy("%d lines, the most that the kernel takes, have at most %d", MaxLines, maxText)
	}
	var m Map
	for line := range strings.SplitSeq(s, ",") {
		r, err := parseRange(strings.Split(line, ":"))
		if err != nil {
			return nil, fault.New(fault.IDMap, "id map line %q: %w", line, err).Remedy("write CONTAINER:HOST:SIZE, as in 0:1000:1")
		}
		m = append(m, r)
	}
	if err := m.Validate(); err != nil {
		return nil, err
	}
	return m, nil
}

// ParseMapping reads "UID-MAP[;GID-MAP]", each as Parse does. Without a second
// one the groups get the same numbers as the users.
func ParseMapping(s string) (Mapping, error) {
	users, groups, both := strings.Cut(s, ";")
	uids, err := Parse(users)
	if err != nil {
		return Mapping{}, fmt.Errorf("users: %w", err)
	}
	if !both {
		return Mapping{UIDs: uids, GIDs: append(Map(nil), uids...)}, nil
	}
	gids, err := Parse(groups)
	if err != nil {
		return Mapping{}, fmt.Errorf("groups: %w", err)
	}
	return Mapping{UIDs: uids, GIDs: gids}, nil
}

// String is the mapping as ParseMapping reads it.
func (m Mapping) String() string { return m.UIDs.String() + ";" + m.GIDs.String() }

// ParseKernel reads what the kernel shows in /proc/PID/uid_map. No line at all
// is a namespace whose map is not written yet: an empty Map. It does not
// validate: a nested namespace shows 4294967295 for what the reader has no id of.
func ParseKernel(s string) (Map, error) {
	var m Map
	for line := range strings.Lines(s) {
		r, err := parseRange(strings.Fields(line))
		if err != nil {
			return nil, fmt.Errorf("id map line %q: %w", strings.TrimSpace(line), err)
		}
		m = append(m, r)
	}
	return m, nil
}

func parseRange(fields []string) (Range, error) {
	if len(fields) != 3 {
		return Range{}, fmt.Errorf("%d fields instead of 3", len(fields))
	}
	var n [3]uint32
	for i, f := range fields {
		v, err := strconv.ParseUint(f, 10, 32)
		if err != nil {
			return Range{}, fmt.Errorf("%q is not a number from 0 to 4294967295", f)
		}
		n[i] = uint32(v)
	}
	return Range{ContainerID: n[0], HostID: n[1], Size: n[2]}, nil
}
