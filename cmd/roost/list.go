package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/flags"
	"github.com/roost-run/roost/runtime"
)

func listCommand() command {
	format, quiet := "table", false
	return command{
		Command: flags.Command{
			Name: "list", Usage: []string{"[flags]"}, Short: "list the containers of this state root", Group: everyday,
			Flags: []flags.Flag{
				{Name: "format", Short: 'f', Words: []string{"table", "json", "wide"}, To: &format, Help: "how to print them; wide is a table with systemd's unit and the cgroup of each"},
				{Name: "quiet", Short: 'q', To: &quiet, Help: "print only the ids"},
			},
		},
		run: func(a *app, _ flags.Args) (int, error) {
			states, err := a.states()
			if err != nil {
				return 0, err
			}
			if quiet {
				return 0, a.printIDs(states)
			}
			owners := ownerNames{}
			for i := range states {
				states[i].Owner = owners.of(filepath.Join(a.global.root, states[i].ID))
			}
			if format == "json" {
				return 0, a.print(statesJSON(states))
			}
			return 0, a.print(statesTable(states, format == "wide"))
		},
	}
}

// states lists what the state root has. One that nobody named need not be there; entries that cannot be read are told
// and skipped, or one broken directory would hide all the others.
func (a *app) states() ([]runtime.State, error) {
	named := a.global.root != ""
	store, err := a.existing()
	if errors.Is(err, os.ErrNotExist) && !named {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if !named {
		if a.global.root, err = runtime.DefaultRoot(); err != nil {
			return nil, err
		}
	}
	states, problems, err := store.List(context.Background())
	for _, problem := range problems {
		a.stderr.WriteString("roost: " + printable(problem.Error()) + "\n")
	}
	return states, err
}

func (a *app) printIDs(states []runtime.State) error {
	var b strings.Builder
	for _, s := range states {
		b.WriteString(s.ID + "\n")
	}
	return a.print(b.String())
}

// statesJSON is one line, and null without containers: go-runc decodes both, and so do scripts.
func statesJSON(states []runtime.State) string {
	if len(states) == 0 {
		return "null\n"
	}
	var b []byte
	for i, s := range states {
		b = append(b, "[,"[min(i, 1)])
		b = appendState(b, s, "")
	}
	return string(b) + "]\n"
}

// statesTable has runc's columns, which scripts count, and more only by request.
func statesTable(states []runtime.State, wide bool) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 12, 1, 3, ' ', 0)
	fmt.Fprint(w, "ID\tPID\tSTATUS\tBUNDLE\tCREATED\tOWNER")
	if wide {
		fmt.Fprint(w, "\tUNIT\tCGROUP")
	}
	fmt.Fprintln(w)
	for _, s := range states {
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s", s.ID, s.Pid, s.Status, printable(s.Bundle), s.Created.UTC().Format(time.RFC3339Nano), s.Owner)
		if wide {
			fmt.Fprintf(w, "\t%s\t%s", cmp.Or(printable(s.SystemdScope), "-"), cmp.Or(printable(s.Annotations[runtime.CgroupAnnotation]), "-"))
		}
		fmt.Fprintln(w)
	}
	w.Flush()
	return b.String()
}

// ownerNames remembers login names by uid, for one listing.
type ownerNames map[uint32]string

// of names the owner of a container's directory: the login name, or #uid for an account without one.
func (names ownerNames) of(dir string) string {
	var st unix.Stat_t
	if err := unix.Lstat(dir, &st); err != nil {
		return ""
	}
	name, known := names[st.Uid]
	if !known {
		name = loginName(st.Uid)
		names[st.Uid] = name
	}
	return name
}

// loginName reads /etc/passwd alone: other sources need libc, and a listing does not need them.
func loginName(uid uint32) string {
	number := strconv.FormatUint(uint64(uid), 10)
	file, err := os.Open("/etc/passwd")
	if err != nil {
		return "#" + number
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		fields := strings.SplitN(lines.Text(), ":", 4)
		if len(fields) == 4 && fields[2] == number {
			return fields[0]
		}
	}
	return "#" + number
}
