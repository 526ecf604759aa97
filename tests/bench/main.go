package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// options is the command line.
type options struct {
	only   []string // operations; empty: all
	versus []string // contenders besides roost; empty: all
	rounds int
	work   string // a directory of the caller's, for bundles
	state  string // a directory of the caller's on tmpfs, for the runtimes' state
	bin    string // where floor, meter and roost are
	out    string // where a complete run writes bench.md and bench.svg; empty: nowhere
}

const (
	defaultRounds = 60
	enoughRounds  = 30 // for a table that is published
)

func main() {
	opts, err := parseOptions(os.Args[1:], os.Getenv("BENCH_ROUNDS"))
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err == nil {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
		defer stop()
		err = bench(ctx, opts, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func parseOptions(args []string, rounds string) (options, error) {
	var o options
	set := flag.NewFlagSet("bench", flag.ContinueOnError)
	only := set.String("only", "", "operations to measure, with commas between: "+strings.Join(operationNames(), ","))
	versus := set.String("vs", "", "contenders beside roost, with commas between: "+strings.Join(contenderNames()[1:], ","))
	set.IntVar(&o.rounds, "rounds", defaultRounds, "rounds; the environment's BENCH_ROUNDS is the default")
	set.StringVar(&o.work, "work", "", "directory for bundles, owned by the caller")
	set.StringVar(&o.state, "state", "", "directory on tmpfs for the runtimes' state, owned by the caller")
	set.StringVar(&o.bin, "bin", "", "directory with the binaries floor, meter and roost")
	set.StringVar(&o.out, "out", "", "directory where a complete run writes bench.md and bench.svg")
	if rounds != "" {
		if err := set.Set("rounds", rounds); err != nil {
			return o, fmt.Errorf("BENCH_ROUNDS=%s: not a number; use for example 60", rounds)
		}
	}
	if err := set.Parse(args); err != nil {
		return o, err
	}
	if o.rounds < 1 {
		return o, fmt.Errorf("rounds %d: at least one is needed", o.rounds)
	}
	if o.work == "" || o.state == "" || o.bin == "" {
		return o, errors.New("-work, -state, -bin: not set; call tests/bench/run.sh, which prepares them")
	}
	var err error
	if o.only, err = pick(*only, operationNames()); err != nil {
		return o, fmt.Errorf("-only: %w", err)
	}
	if o.versus, err = pick(*versus, contenderNames()); err != nil {
		return o, fmt.Errorf("-vs: %w", err)
	}
	return o, nil
}

// pick splits a list and refuses words that known lacks.
func pick(list string, known []string) ([]string, error) {
	if list == "" {
		return nil, nil
	}
	words := strings.Split(list, ",")
	for _, word := range words {
		if !slices.Contains(known, word) {
			return nil, fmt.Errorf("%q is none of %s", word, strings.Join(known, ", "))
		}
	}
	return words, nil
}

func (o options) wants(operation string) bool {
	return len(o.only) == 0 || slices.Contains(o.only, operation)
}

func (o options) wantsContender(name string) bool {
	return name == "roost" || len(o.versus) == 0 || slices.Contains(o.versus, name)
}

// bench measures and prints. What is missed is printed, not returned: speed is no test.
func bench(ctx context.Context, opts options, out io.Writer) error {
	if err := becomeSubreaper(); err != nil {
		return err
	}
	contenders, notes := findContenders(opts)
	if len(contenders) == 0 {
		return fmt.Errorf("nothing to measure: %s", strings.Join(notes, "; "))
	}
	b := &run{opts: opts, machine: thisMachine(), contenders: contenders, notes: notes, results: results{}, left: map[string]float64{}}
	if err := b.prepare(); err != nil {
		return err
	}
	defer b.stopDetached()
	if err := b.measureAll(ctx, progressTo(os.Stderr)); err != nil {
		return err
	}
	r := b.report()
	writeTable(out, r)
	if opts.out == "" || !b.complete() {
		return nil
	}
	if err := os.WriteFile(filepath.Join(opts.out, "bench.md"), []byte(markdown(r)), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(opts.out, "bench.svg"), []byte(chart(r)), 0o644)
}

// run is one run of the bench.
type run struct {
	opts       options
	machine    machine
	contenders []contender
	notes      []string
	results    results
	left       map[string]float64 // by contender: processes left for each detached container
	bundles    bundles
	targets    []detached
}

// progressTo is f where somebody looks on.
func progressTo(f *os.File) io.Writer {
	if _, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS); err != nil {
		return io.Discard
	}
	return f
}

// measureAll goes round by round, so that a slow minute of the machine hits everybody.
func (b *run) measureAll(ctx context.Context, progress io.Writer) error {
	ops := b.operations()
	for _, op := range ops {
		b.warmUp(op)
	}
	for round := range b.opts.rounds {
		fmt.Fprintf(progress, "\rround %d of %d ", round+1, b.opts.rounds)
		for _, op := range ops {
			if round%op.every != 0 {
				continue
			}
			for _, i := range rand.Perm(len(b.contenders)) {
				if err := ctx.Err(); err != nil {
					return fmt.Errorf("stopped in round %d: %w", round+1, err)
				}
				b.measure(op, b.contenders[i])
			}
		}
	}
	fmt.Fprint(progress, "\r                      \r")
	return nil
}

// warmUp runs each once without counting it: the page cache is filled, and who cannot do it drops out with its reason.
func (b *run) warmUp(op operation) {
	for _, c := range b.contenders {
		b.measure(op, c)
		if s := b.results.of(op.name, c.name); s != nil {
			s.samples = nil
		}
	}
}

func (b *run) measure(op operation, c contender) {
	steps := op.steps(b, c)
	if steps == nil {
		return
	}
	s := b.results.series(op.name, c.name)
	if s.failure != "" {
		return
	}
	sample, err := b.sample(op, steps)
	if err != nil {
		s.failure = err.Error()
		return
	}
	s.samples = append(s.samples, sample)
}

// complete says whether this run may be published.
func (b *run) complete() bool {
	if len(b.opts.only) > 0 || len(b.opts.versus) > 0 || b.opts.rounds < enoughRounds {
		return false
	}
	s := b.results.of("run", "roost")
	return s != nil && len(s.samples) > 0
}
