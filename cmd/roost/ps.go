package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/roost-run/roost/internal/fault"
	"github.com/roost-run/roost/internal/flags"
)

func psCommand() command {
	format := "table"
	return command{
		Command: flags.Command{
			Name: "ps", Usage: []string{"[flags] ID [PS-ARG…]"}, Short: "list the processes of a container", Group: everyday,
			Long: "The table is what ps(1) of this machine prints with the arguments given, -ef without any, for the processes of\nthe container; it needs a PID column. JSON is an array of pids. Pids are those of this machine.",
			Min:  1, Max: -1, Stop: true, Complete: []flags.Hint{flags.Containers, flags.Nothing},
			Flags: []flags.Flag{{Name: "format", Short: 'f', Words: []string{"table", "json"}, To: &format, Help: "how to print them"}},
		},
		run: func(a *app, args flags.Args) (int, error) {
			c, err := a.load(args.List[0])
			if err != nil {
				return 0, err
			}
			pids, err := c.Processes()
			if err != nil {
				return 0, err
			}
			if format == "json" {
				return 0, a.print(pidsJSON(pids))
			}
			text, err := psTable(args.List[1:], pids)
			if err != nil {
				return 0, err
			}
			return 0, a.print(text)
		},
	}
}

func pidsJSON(pids []int) string {
	b := []byte{'['}
	for i, pid := range pids {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, int64(pid), 10)
	}
	return string(b) + "]\n"
}

func psTable(argv []string, pids []int) (string, error) {
	if len(argv) == 0 {
		argv = []string{"-ef"}
	}
	out, err := runPS(argv)
	if err != nil {
		return "", err
	}
	return filterPS(out, pids)
}

// filterPS keeps the heading and the lines whose PID column is one of pids.
func filterPS(out string, pids []int) (string, error) {
	lines := strings.SplitAfter(out, "\n")
	column := slices.Index(strings.Fields(lines[0]), "PID")
	if column < 0 {
		return "", fault.New(fault.Usage, "ps prints no PID column with these arguments").Remedy("add pid to them, as in: -o pid,args")
	}
	var b strings.Builder
	b.WriteString(lines[0])
	for _, line := range lines[1:] {
		fields := strings.Fields(line)
		if len(fields) <= column {
			continue
		}
		pid, err := strconv.Atoi(fields[column])
		if err == nil && slices.Contains(pids, pid) {
			b.WriteString(line)
		}
	}
	return b.String(), nil
}

// runPS starts ps by a fixed path: callers pass no PATH, and one from the caller's environment is not looked for.
func runPS(argv []string) (string, error) {
	const remedy = "install procps, or use --format json"
	bin := "/usr/bin/ps"
	if _, err := os.Stat(bin); err != nil {
		bin = "/bin/ps"
	}
	r, w, err := os.Pipe()
	if err != nil {
		return "", fmt.Errorf("ps: %w", err)
	}
	defer r.Close()
	proc, err := os.StartProcess(bin, append([]string{"ps"}, argv...), &os.ProcAttr{Files: []*os.File{nil, w, os.Stderr}})
	w.Close()
	if err != nil {
		return "", fault.New(fault.System, "ps: %w", err).Remedy("%s", remedy)
	}
	out, readErr := io.ReadAll(r)
	state, err := proc.Wait()
	if err := errors.Join(err, readErr); err != nil {
		return "", fmt.Errorf("ps: %w", err)
	}
	if !state.Success() {
		return "", fault.New(fault.System, "ps %s: %s", strings.Join(argv, " "), state).Remedy("%s", remedy)
	}
	return string(out), nil
}
