package flags

import (
	"errors"
	"fmt"
	"strings"

	"github.com/roost-run/roost/internal/fault"
)

// ErrHelp is returned by Parse for -h and --help, unless the table has flags of these names.
var ErrHelp = errors.New("help was asked for")

// Parse sets the flags found in argv (without the command's name) and returns the rest. It stops at the first thing
// that is wrong; the error names it and, for an unknown flag, the flags that look like it.
func (c *Command) Parse(argv []string) (Args, error) {
	rest := Args{Dash: -1}
	if c.Raw {
		rest.List = argv
		return rest, nil
	}
	for len(argv) > 0 {
		word := argv[0]
		argv = argv[1:]
		switch {
		case word == "--":
			rest.Dash = len(rest.List)
			rest.List = append(rest.List, argv...)
			return rest, nil
		case len(word) < 2 || word[0] != '-': // "-" alone is a file name by custom
			rest.List = append(rest.List, word)
			if c.Stop {
				rest.List = append(rest.List, argv...)
				return rest, nil
			}
		default:
			var err error
			if argv, err = c.flag(word, argv); err != nil {
				return rest, err
			}
		}
	}
	return rest, nil
}

// Count checks the number of positional arguments.
func (c *Command) Count(args Args) error {
	n := len(args.List)
	switch {
	case n >= c.Min && (c.Max < 0 || n <= c.Max):
		return nil
	case n < c.Min:
		return fault.New(fault.Usage, "%s: an argument is missing", c.Name).Remedy("usage: %s", c.synopsis(0))
	case c.Max == 0:
		return fault.New(fault.Usage, "%s: unexpected argument %q", c.Name, args.List[0]).Remedy("it takes none")
	default:
		return fault.New(fault.Usage, "%s: unexpected argument %q", c.Name, args.List[c.Max]).Remedy("usage: %s", c.synopsis(0))
	}
}

// flag handles one word that starts with a dash; it returns what of argv is left after the value.
func (c *Command) flag(word string, argv []string) ([]string, error) {
	name := strings.TrimPrefix(word[1:], "-")
	name, value, inline := strings.Cut(name, "=")
	if f := c.Find(name); f != nil && len(name) > 0 {
		return c.long(f, word, value, inline, argv)
	}
	if name == "help" {
		return argv, ErrHelp
	}
	// One dash and no long flag of that name: letters, the last of which may have a value.
	if word[1] != '-' && c.startsWithShort(word) {
		return c.shorts(word, argv)
	}
	if word == "-h" {
		return argv, ErrHelp
	}
	word, _, _ = strings.Cut(word, "=") // the value may be a secret
	return argv, c.unknown(word, name)
}

func (c *Command) startsWithShort(word string) bool { return c.findShort(word[1]) != nil }

func (c *Command) long(f *Flag, word, value string, inline bool, argv []string) ([]string, error) {
	switch {
	case inline:
	case f.IsBool():
		value = "true"
	case len(argv) == 0:
		return argv, fmt.Errorf("flag %s needs a value: %[1]s %s", word, f.arg())
	default:
		value, argv = argv[0], argv[1:]
	}
	return argv, f.set(value)
}

// shorts handles -abc, -xVALUE, -x=VALUE and -x VALUE.
func (c *Command) shorts(word string, argv []string) ([]string, error) {
	for i := 1; i < len(word); i++ {
		f := c.findShort(word[i])
		if f == nil {
			if word[i] == 'h' {
				return argv, ErrHelp
			}
			return argv, c.unknown(fmt.Sprintf("-%c", word[i]), word[1:])
		}
		rest := word[i+1:]
		switch {
		case strings.HasPrefix(rest, "="):
			return argv, f.set(rest[1:])
		case f.IsBool():
			if err := f.set("true"); err != nil {
				return argv, err
			}
		case rest != "":
			return argv, f.set(rest)
		case len(argv) == 0:
			return argv, fmt.Errorf("flag -%c needs a value: -%c %s", f.Short, f.Short, f.arg())
		default:
			return argv[1:], f.set(argv[0])
		}
	}
	return argv, nil
}

func (c *Command) unknown(word, name string) error {
	var hint string
	if near := c.near(name); len(near) > 0 {
		hint = "; did you mean " + strings.Join(near, " or ") + "?"
	}
	return &UnknownError{Command: c.Name, Flag: word, Name: name, hint: hint}
}

// UnknownError is returned for a flag that the table does not have.
type UnknownError struct {
	Command string // "" for the program itself
	Flag    string // as it was written
	Name    string // without dashes and value
	hint    string
}

func (e *UnknownError) Error() string {
	of := ""
	if e.Command != "" {
		of = " of " + e.Command
	}
	return "unknown flag " + e.Flag + of + e.hint
}
