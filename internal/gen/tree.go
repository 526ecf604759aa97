package gen

import (
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/roost-run/roost/internal/flags"
)

// tree says the tables again in cobra's words. Flags of the program itself stay local to it, since roost takes them
// only before the command.
func tree(root *flags.Command, commands []*flags.Command) *cobra.Command {
	top := convert(root)
	top.Use = "roost " + root.Usage[0]
	for _, c := range commands {
		top.AddCommand(convert(c))
	}
	return top
}

func convert(c *flags.Command) *cobra.Command {
	use := c.Name
	if c.Usage[0] != "" {
		use += " " + c.Usage[0]
	}
	out := &cobra.Command{
		Use: use, Short: c.Short, Long: description(c), Hidden: c.Hidden, DisableFlagsInUseLine: true,
		Run: func(*cobra.Command, []string) {}, // cobra leaves out what cannot be run
	}
	for i := range c.Flags {
		f := &c.Flags[i]
		if f.Unsupported != "" || f.Hidden {
			continue
		}
		add(out.Flags(), f)
	}
	return out
}

func add(set *pflag.FlagSet, f *flags.Flag) {
	short := ""
	if f.Short != 0 {
		short = string(rune(f.Short))
	}
	help := f.Help
	if f.Ignored {
		help += " (accepted, without effect)"
	}
	switch to := f.To.(type) {
	case *bool:
		set.BoolP(f.Name, short, *to, help)
	case *string:
		set.StringP(f.Name, short, *to, help)
	case *[]string:
		set.StringArrayP(f.Name, short, *to, help+" (repeatable)")
	case *int:
		set.IntP(f.Name, short, *to, help)
	case *time.Duration:
		set.DurationP(f.Name, short, *to, help)
	}
}
