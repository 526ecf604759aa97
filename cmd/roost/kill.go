package main

import (
	"context"
	"errors"
	goruntime "runtime"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/fault"
	"github.com/roost-run/roost/internal/flags"
	"github.com/roost-run/roost/runtime"
)

func killCommand() command {
	var all bool
	return command{
		Command: flags.Command{
			Name: "kill", Usage: []string{"[--all] ID [SIGNAL]"}, Short: "send a signal to the process of a container", Group: lifecycle,
			Long: "SIGNAL is a number or a name, with or without SIG, RTMIN+3 for one; TERM without it. 0 only asks whether the\nprocess is there.",
			Min:  1, Max: 2, Stop: true, Complete: []flags.Hint{flags.Containers, flags.Nothing},
			Flags: []flags.Flag{{Name: "all", Short: 'a', To: &all, Help: "to every process; a container that has stopped is no error"}},
		},
		run: func(a *app, args flags.Args) (int, error) {
			sig := syscall.SIGTERM
			if len(args.List) == 2 {
				var err error
				if sig, err = parseSignal(args.List[1]); err != nil {
					return 0, err
				}
			}
			c, err := a.load(args.List[0])
			if err != nil {
				return 0, err
			}
			err = c.Signal(context.Background(), sig, all)
			if all && errors.Is(err, runtime.ErrNotRunning) {
				return 0, nil // runc's, and relied on: "all of them" may be none
			}
			return 0, err
		},
	}
}

// The real-time signals that a program can use: glibc keeps the first two of the kernel's (signal(7)). mips has more than others.
const rtMin = 34

func lastSignal() int {
	if strings.HasPrefix(goruntime.GOARCH, "mips") {
		return 127
	}
	return 64
}

func parseSignal(word string) (syscall.Signal, error) {
	return parseSignalUpTo(lastSignal(), word)
}

func parseSignalUpTo(rtMax int, word string) (syscall.Signal, error) {
	if number, err := strconv.ParseUint(word, 10, 8); err == nil && int(number) <= rtMax {
		return syscall.Signal(number), nil
	}
	name := strings.TrimPrefix(strings.ToUpper(word), "SIG")
	switch name { // second names, signal(7)
	case "CLD":
		name = "CHLD"
	case "IOT":
		name = "ABRT"
	case "POLL":
		name = "IO"
	case "UNUSED":
		name = "SYS"
	}
	if sig := unix.SignalNum("SIG" + name); sig != 0 {
		return sig, nil
	}
	if sig, ok := realTime(name, rtMax); ok {
		return sig, nil
	}
	return 0, fault.New(fault.Usage, "unknown signal %q", word).Remedy("give a name such as TERM, KILL or RTMIN+3, or a number up to %d", rtMax)
}

// realTime reads RTMIN, RTMIN+n, RTMAX and RTMAX-n.
func realTime(name string, rtMax int) (syscall.Signal, bool) {
	base, sign := rtMin, "+"
	offset, ok := strings.CutPrefix(name, "RTMIN")
	if !ok {
		base, sign = rtMax, "-"
		if offset, ok = strings.CutPrefix(name, "RTMAX"); !ok {
			return 0, false
		}
	}
	if offset == "" {
		return syscall.Signal(base), true
	}
	digits, ok := strings.CutPrefix(offset, sign)
	n, err := strconv.ParseUint(digits, 10, 8)
	if !ok || err != nil || int(n) > rtMax-rtMin {
		return 0, false
	}
	if base == rtMax {
		return syscall.Signal(rtMax - int(n)), true
	}
	return syscall.Signal(rtMin + int(n)), true
}
