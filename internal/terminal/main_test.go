package terminal

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const roleVariable = "ROOST_TERMINAL_TEST_ROLE"

// Signals belong to a whole process, and some of them stop or end it: those tests run this binary again, in a role.
func TestMain(m *testing.M) {
	switch os.Getenv(roleVariable) {
	case "":
		os.Exit(m.Run())
	case "forwarder":
		forwarder()
	case "shell":
		shell()
	}
}

// forwarder does what a foreground command does. It tells what happens on descriptor 3; a line on descriptor 4 says that
// the process was started, and another one that it is gone.
func forwarder() {
	tell := os.NewFile(3, "report")
	orders := bufio.NewReader(os.NewFile(4, "orders"))
	say := func(format string, args ...any) { fmt.Fprintf(tell, format+"\n", args...) }

	s := Catch()
	defer s.Stop()
	s.Ready()
	say("ready %d", os.Getpid())
	order(orders)
	onWinch := func() { say("resize") }
	if !IsTerminal(os.Stdin) {
		onWinch = nil
	} else if err := s.Raw(os.Stdin); err != nil {
		say("raw: %v", err)
	}
	s.Forward(func(sig syscall.Signal) error { say("signal %d", sig); return nil }, onWinch)
	say("forwarding")
	order(orders)
	ctx := s.Gone(context.Background())
	say("gone")
	<-ctx.Done()
	say("%v", context.Cause(ctx))
}

func order(from *bufio.Reader) {
	if _, err := from.ReadString('\n'); err != nil {
		os.Exit(3)
	}
}

// shell is a shell with job control whose only job is a forwarder, in the foreground of the terminal at descriptor 0.
// It obeys fg, bg and exit on descriptor 6, and tells how its job does on 5.
func shell() {
	tell := os.NewFile(5, "report")
	orders := bufio.NewReader(os.NewFile(6, "orders"))
	cooked, err := modes(os.Stdin)
	if err != nil {
		panic(err)
	}
	os.Setenv(roleVariable, "forwarder")
	job, err := os.StartProcess("/proc/self/exe", os.Args, &os.ProcAttr{
		Files: []*os.File{os.Stdin, os.Stdout, os.Stderr, os.NewFile(3, "report of job"), os.NewFile(4, "orders for job")},
		Sys:   &syscall.SysProcAttr{Setpgid: true, Foreground: true, Ctty: 0},
	})
	if err != nil {
		panic(err)
	}
	signal.Ignore(syscall.SIGTTOU) // shells do, or they could not take the terminal back; their jobs must not inherit it
	for {
		var status unix.WaitStatus
		if _, err := unix.Wait4(job.Pid, &status, unix.WUNTRACED, nil); err != nil {
			panic(err)
		}
		now, _ := modes(os.Stdin)
		_ = unix.IoctlSetPointerInt(0, unix.TIOCSPGRP, os.Getpid())
		if !status.Stopped() {
			fmt.Fprintf(tell, "ended %v cooked=%v\n", status.ExitStatus(), *now == *cooked)
			return
		}
		fmt.Fprintf(tell, "stopped by %d cooked=%v\n", status.StopSignal(), *now == *cooked)
		line, _ := orders.ReadString('\n')
		if line == "fg\n" {
			_ = unix.IoctlSetPointerInt(0, unix.TIOCSPGRP, job.Pid)
		}
		_ = unix.Kill(job.Pid, unix.SIGCONT)
		if line == "bg\n" {
			// The next order is for a job that runs in the background.
			fmt.Fprintln(tell, "in background")
			orders.ReadString('\n')
			_ = unix.IoctlSetPointerInt(0, unix.TIOCSPGRP, job.Pid)
			_ = unix.Kill(job.Pid, unix.SIGCONT)
		}
	}
}

// talk is a pair of pipes to a process in a role: lines both ways.
type talk struct {
	t             *testing.T
	lines         chan string
	orders        *os.File
	theirs, takes *os.File // the other ends, for the process
	skip          string   // a line that may come at any time
}

func newTalk(t *testing.T) *talk {
	t.Helper()
	r, theirs, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	takes, orders, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	k := &talk{t: t, lines: make(chan string, 1000), orders: orders, theirs: theirs, takes: takes}
	go func() {
		defer close(k.lines)
		in := bufio.NewReader(r)
		for {
			line, err := in.ReadString('\n')
			if err != nil {
				r.Close()
				return
			}
			k.lines <- strings.TrimSuffix(line, "\n")
		}
	}()
	t.Cleanup(func() { orders.Close() })
	return k
}

// started closes the process's ends here.
func (k *talk) started() { k.theirs.Close(); k.takes.Close() }

func (k *talk) order(line string) {
	k.t.Helper()
	if _, err := io.WriteString(k.orders, line+"\n"); err != nil {
		k.t.Fatal(err)
	}
}

func (k *talk) next() string {
	k.t.Helper()
	timeout := time.After(hang)
	for {
		select {
		case line, ok := <-k.lines:
			if !ok {
				return "(end)"
			}
			if line != k.skip {
				return line
			}
		case <-timeout:
			k.t.Fatal("nothing is told any more")
		}
	}
}

func (k *talk) expect(want ...string) {
	k.t.Helper()
	for _, w := range want {
		if got := k.next(); got != w {
			k.t.Fatalf("told %q, want %q", got, w)
		}
	}
}
