package flags

import (
	"strconv"
	"time"
)

// Flag is one option. Its zero value is not usable: Name and To are needed.
type Flag struct {
	Name  string // long name, without dashes
	Short byte   // one letter, or 0
	Arg   string // what the value is called in help: FILE, DIR, ID…; unused for booleans
	Help  string // one line, no full stop; for people

	// To is where the value goes and so also its kind: *bool, *string, *[]string (each use appends one element),
	// *int, *time.Duration. What it holds before parsing is the default that help shows.
	To any

	Words       []string // the only values allowed; nil allows all
	Complete    Hint     // what a shell offers as a value when there are no Words
	Hidden      bool     // neither in help nor in completions: compatibility only
	Ignored     bool     // checked like any other, but without effect: callers send it and it does no harm
	Unsupported string   // giving the flag is an error that says this
	Section     string   // heading below which help lists it; "" is "Flags", the first one

	Given bool // set by Parse
}

// Hint says what the value of a flag, or a positional argument, is.
type Hint uint8

// The hints.
const (
	Nothing    Hint = iota // nothing to offer
	Files                  // a path
	Dirs                   // a directory
	Containers             // an id from the state root
	Commands               // a name of a command
	Shells                 // a shell that completions are made for
	Anything               // a command line of the user's: leave it to the shell
)

// Group is the heading below which help lists a command.
type Group string

// Command is one command and its flags; the program itself is a Command without a Name.
type Command struct {
	Name  string
	Usage []string // synopses, each what follows "roost NAME"; at least one
	Short string   // one line, imperative, no full stop
	Long  string   // paragraphs; lines that start with four spaces are kept as they are
	Group Group
	Flags []Flag

	Hidden   bool
	Raw      bool   // every word is an argument, none a flag
	Stop     bool   // flags end at the first positional argument: what follows belongs to somebody else
	Min, Max int    // how many positional arguments; Max < 0 is no bound
	Complete []Hint // for each positional argument; the last one holds for those that follow
}

// Args is what is left of a command line when the flags are gone.
type Args struct {
	List []string
	Dash int // how many of List stood before "--"; -1 without a "--"
}

// Find returns the flag with that long name, or nil.
func (c *Command) Find(name string) *Flag {
	for i := range c.Flags {
		if c.Flags[i].Name == name {
			return &c.Flags[i]
		}
	}
	return nil
}

func (c *Command) findShort(letter byte) *Flag {
	for i := range c.Flags {
		if c.Flags[i].Short == letter {
			return &c.Flags[i]
		}
	}
	return nil
}

// IsBool tells whether the flag stands alone, without a value.
func (f *Flag) IsBool() bool {
	_, ok := f.To.(*bool)
	return ok
}

// Default is the default as help shows it, "" when it is the zero value of its kind.
func (f *Flag) Default() string {
	switch to := f.To.(type) {
	case *string:
		return *to
	case *int:
		if *to != 0 {
			return strconv.Itoa(*to)
		}
	case *time.Duration:
		if *to != 0 {
			return to.String()
		}
	case *bool:
		if *to {
			return "true"
		}
	}
	return ""
}
