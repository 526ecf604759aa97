package flags

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/roost-run/roost/internal/fault"
)

// set stores one value; every error names the flag and what it wants.
func (f *Flag) set(value string) error {
	if f.Unsupported != "" {
		return fault.New(fault.NotSupported, "flag --%s is not supported: %s", f.Name, f.Unsupported)
	}
	if f.Words != nil && !slices.Contains(f.Words, value) {
		return fmt.Errorf("flag --%s: %q is not one of %s", f.Name, value, strings.Join(f.Words, ", "))
	}
	f.Given = true
	switch to := f.To.(type) {
	case *bool:
		b, err := strconv.ParseBool(value)
		if err != nil {
			return fmt.Errorf("flag --%s: %q is neither true nor false", f.Name, value)
		}
		*to = b
	case *string:
		*to = value
	case *[]string:
		*to = append(*to, value)
	case *int:
		n, err := parseInt(value)
		if err != nil {
			return fmt.Errorf("flag --%s: %q is not a whole number of a sensible size", f.Name, value)
		}
		*to = n
	case *time.Duration:
		d, err := time.ParseDuration(value)
		if err != nil {
			return fmt.Errorf("flag --%s: %q is not a duration such as 500ms, 10s or 5m", f.Name, value)
		}
		*to = d
	default:
		panic("flags: --" + f.Name + " has no place for its value")
	}
	return nil
}

// parseInt is strict, since "1_0", "+1" and "0x1" in a flag are mistakes, and 31 bits, since every count and
// descriptor that a flag carries ends up in a C int.
func parseInt(value string) (int, error) {
	digits := strings.TrimPrefix(value, "-")
	if digits == "" || digits[0] == '+' || digits[0] == '-' {
		return 0, strconv.ErrSyntax
	}
	n, err := strconv.ParseInt(value, 10, 32)
	return int(n), err
}

// arg is what help calls the value.
func (f *Flag) arg() string {
	switch {
	case f.Arg != "":
		return f.Arg
	case f.Words != nil:
		return strings.Join(f.Words, "|")
	}
	switch f.To.(type) {
	case *int:
		return "N"
	case *time.Duration:
		return "DURATION"
	}
	return "VALUE"
}
