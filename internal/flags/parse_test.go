package flags

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

type values struct {
	Bundle, Format, Old, Label string
	Env                        []string
	Detach, TTY, Keep, NoSub   bool
	N                          int
	Wait                       time.Duration
}

func table(v *values) *Command {
	return &Command{Name: "try", Usage: []string{"[flags] ID"}, Min: 1, Max: 2, Flags: []Flag{
		{Name: "bundle", Short: 'b', Arg: "DIR", To: &v.Bundle},
		{Name: "format", Short: 'f', Words: []string{"table", "json"}, To: &v.Format},
		{Name: "env", Short: 'e', To: &v.Env},
		{Name: "detach", Short: 'd', To: &v.Detach},
		{Name: "tty", Short: 't', To: &v.TTY},
		{Name: "keep", To: &v.Keep},
		{Name: "no-subreaper", Ignored: true, To: &v.NoSub},
		{Name: "preserve-fds", To: &v.N},
		{Name: "deadline", To: &v.Wait},
		{Name: "apparmor", Unsupported: "profiles come later", To: &v.Label},
	}}
}

func TestParse(t *testing.T) {
	for _, c := range []struct {
		argv string
		stop bool
		want values
		rest string
		dash int
	}{
		{argv: "", dash: -1},
		{argv: "c1", rest: "c1", dash: -1},
		{argv: "--bundle /b c1", want: values{Bundle: "/b"}, rest: "c1", dash: -1},
		{argv: "--bundle=/b c1", want: values{Bundle: "/b"}, rest: "c1", dash: -1},
		{argv: "-bundle /b c1", want: values{Bundle: "/b"}, rest: "c1", dash: -1},
		{argv: "-bundle=/b=x c1", want: values{Bundle: "/b=x"}, rest: "c1", dash: -1},
		{argv: "-b /b c1", want: values{Bundle: "/b"}, rest: "c1", dash: -1},
		{argv: "-b/b c1", want: values{Bundle: "/b"}, rest: "c1", dash: -1},
		{argv: "-b=/b c1", want: values{Bundle: "/b"}, rest: "c1", dash: -1},
		{argv: "--bundle= c1", rest: "c1", dash: -1},
		{argv: "-b --keep c1", want: values{Bundle: "--keep"}, rest: "c1", dash: -1},
		{argv: "--bundle a --bundle b", want: values{Bundle: "b"}, dash: -1},
		{argv: "-no-subreaper c1", want: values{NoSub: true}, rest: "c1", dash: -1},
		{argv: "--no-subreaper=false c1", rest: "c1", dash: -1},
		{argv: "-dt c1", want: values{Detach: true, TTY: true}, rest: "c1", dash: -1},
		{argv: "-dtb /b", want: values{Detach: true, TTY: true, Bundle: "/b"}, dash: -1},
		{argv: "-dtb/b", want: values{Detach: true, TTY: true, Bundle: "/b"}, dash: -1},
		{argv: "-d=false -t=true", want: values{TTY: true}, dash: -1},
		{argv: "-e A=1,2 -eB=2 --env C=x=y -e=D=4", want: values{Env: []string{"A=1,2", "B=2", "C=x=y", "D=4"}}, dash: -1},
		{argv: "c1 --keep c2", want: values{Keep: true}, rest: "c1 c2", dash: -1},
		{argv: "c1 --keep -x", stop: true, rest: "c1 --keep -x", dash: -1},
		{argv: "c1 -- -x", stop: true, rest: "c1 -- -x", dash: -1},
		{argv: "--keep -- c1 --keep", want: values{Keep: true}, rest: "c1 --keep", dash: 0},
		{argv: "c1 -- --keep -- x", rest: "c1 --keep -- x", dash: 1},
		{argv: "- c1", rest: "- c1", dash: -1},
		{argv: "--preserve-fds 3 --deadline=1m30s", want: values{N: 3, Wait: 90 * time.Second}, dash: -1},
		{argv: "--format json", want: values{Format: "json"}, dash: -1},
	} {
		var v values
		cmd := table(&v)
		cmd.Stop = c.stop
		rest, err := cmd.Parse(strings.Fields(c.argv))
		if err != nil {
			t.Errorf("%q: %v", c.argv, err)
			continue
		}
		if !reflect.DeepEqual(v, c.want) {
			t.Errorf("%q: got %+v, want %+v", c.argv, v, c.want)
		}
		if got := strings.Join(rest.List, " "); got != c.rest || rest.Dash != c.dash {
			t.Errorf("%q: rest %q dash %d, want %q %d", c.argv, got, rest.Dash, c.rest, c.dash)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for _, c := range []struct{ argv, want string }{
		{"--bundel /b", "unknown flag --bundel of try; did you mean --bundle?"},
		{"--budnle=/b", "unknown flag --budnle of try; did you mean --bundle?"},
		{"--det", "unknown flag --det of try; did you mean --detach?"},
		{"--subreaper", "unknown flag --subreaper of try; did you mean --no-subreaper?"},
		{"--zzz", "unknown flag --zzz of try"},
		{"---keep", "unknown flag ---keep of try; did you mean --keep?"},
		{"-z", "unknown flag -z of try"},
		{"-dz", "unknown flag -z of try"},
		{"--=x", "unknown flag -- of try"},
		{"-=x", "unknown flag - of try"},
		{"--bundle", "flag --bundle needs a value: --bundle DIR"},
		{"-b", "flag -b needs a value: -b DIR"},
		{"-db", "flag -b needs a value: -b DIR"},
		{"--keep=maybe", `flag --keep: "maybe" is neither true nor false`},
		{"--preserve-fds 3x", `flag --preserve-fds: "3x" is not a whole number of a sensible size`},
		{"--preserve-fds 4294967296", `flag --preserve-fds: "4294967296" is not a whole number of a sensible size`},
		{"--preserve-fds +1", `flag --preserve-fds: "+1" is not a whole number of a sensible size`},
		{"--preserve-fds 0x1", `flag --preserve-fds: "0x1" is not a whole number of a sensible size`},
		{"--preserve-fds=", `flag --preserve-fds: "" is not a whole number of a sensible size`},
		{"--deadline 5", `flag --deadline: "5" is not a duration such as 500ms, 10s or 5m`},
		{"--format yaml", `flag --format: "yaml" is not one of table, json`},
		{"--apparmor x", "flag --apparmor is not supported: profiles come later"},
	} {
		_, err := table(new(values)).Parse(strings.Fields(c.argv))
		if err == nil || err.Error() != c.want {
			t.Errorf("%q: %v, want %s", c.argv, err, c.want)
		}
	}
	for _, argv := range []string{"-h", "--help", "-help", "-dh", "c1 --help"} {
		if _, err := table(new(values)).Parse(strings.Fields(argv)); !errors.Is(err, ErrHelp) {
			t.Errorf("%q: %v, want ErrHelp", argv, err)
		}
	}
	if _, err := table(new(values)).Parse([]string{"--", "--help"}); err != nil {
		t.Errorf("behind --: %v", err)
	}
}

func TestCount(t *testing.T) {
	cmd := table(new(values))
	for n, want := range []string{
		"try: an argument is missing; usage: roost try [flags] ID", "", "",
		`try: unexpected argument "x"; usage: roost try [flags] ID`,
	} {
		err := cmd.Count(Args{List: slices.Repeat([]string{"x"}, n)})
		if (err == nil) != (want == "") || err != nil && err.Error() != want {
			t.Errorf("%d: %v, want %q", n, err, want)
		}
	}
}

func TestNear(t *testing.T) {
	for _, c := range []struct {
		typed, want string
		near        bool
	}{
		{"sate", "state", true}, {"stae", "state", true}, {"strat", "start", true}, {"stat", "state", true},
		{"x", "state", false}, {"", "ps", false}, {"p", "ps", true}, {"run", "gc", false}, {"delet", "delete", true},
		{strings.Repeat("a", 1<<20), "state", false},
	} {
		if got := Near(c.typed, c.want); got != c.near {
			t.Errorf("Near(%.20q, %q) = %t", c.typed, c.want, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"--bundle\x00/b\x00c1", "-dtb\x00x", "-e=A=1\x00--\x00-x", "-no-subreaper", "--=", "-=", "-\x00--deadline=1h"} {
		f.Add(seed, false)
		f.Add(seed, true)
	}
	f.Fuzz(func(t *testing.T, line string, stop bool) {
		argv := strings.Split(line, "\x00")
		var v, again values
		cmd := table(&v)
		cmd.Stop = stop
		rest, err := cmd.Parse(slices.Clone(argv))
		cmd.Walk(argv)
		if err != nil {
			return
		}
		if len(rest.List) > len(argv) || rest.Dash > len(rest.List) {
			t.Fatalf("%q: %+v out of nothing", argv, rest)
		}
		// What follows the flags is left alone, in order: it is the tail or a subsequence of argv.
		at := 0
		for _, word := range rest.List {
			i := slices.Index(argv[at:], word)
			if i < 0 {
				t.Fatalf("%q: %q was not there", argv, word)
			}
			at += i + 1
		}
		// The same words behind "--" are nobody's flags.
		plain, err := table(&again).Parse(append([]string{"--"}, argv...))
		if err != nil || !slices.Equal(plain.List, argv) || !reflect.DeepEqual(again, values{}) {
			t.Fatalf("behind --: %+v %v", plain, err)
		}
	})
}
