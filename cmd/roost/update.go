package main

import (
	"context"
	"errors"
	"io"
	"math"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/roost-run/roost/internal/fault"
	"github.com/roost-run/roost/internal/flags"
	"github.com/roost-run/roost/internal/spec"
)

// updateOptions are the flags of update, in runc's names. Each is a text until it is known to be given.
type updateOptions struct {
	file                                    string
	blkioWeight                             string
	cpuPeriod, cpuQuota, cpuBurst           string
	cpuShare, cpuIdle                       string
	cpuRTPeriod, cpuRTRuntime               string
	cpusetCPUs, cpusetMems                  string
	memory, memoryReservation, memorySwap   string
	kernelMemory, kernelMemoryTCP           string
	pidsLimit, cacheSchema, bandwidthSchema string
}

const noRDT = "cache and memory bandwidth are not divided by this version of roost"

func updateCommand() command {
	var o updateOptions
	return command{
		Command: flags.Command{
			Name: "update", Usage: []string{"[flags] ID", "--resources FILE ID"}, Short: "change the limits of a container that runs", Group: lifecycle,
			Long: "What is not mentioned stays as it is. Either all of it is put in force, and kept for the next update, or nothing.\n" +
				"Amounts of memory are bytes, or a number with k, m, g or t; -1 is no limit.",
			Min: 1, Max: 1, Complete: []flags.Hint{flags.Containers},
			Flags: o.flags(),
		},
		run: func(a *app, args flags.Args) (int, error) {
			r, err := o.resources(a)
			if err != nil {
				return 0, err
			}
			c, err := a.load(args.List[0])
			if err != nil {
				return 0, err
			}
			return 0, c.Update(context.Background(), r)
		},
	}
}

func (o *updateOptions) flags() []flags.Flag {
	return []flags.Flag{
		{Name: "resources", Short: 'r', Arg: "FILE", To: &o.file, Complete: flags.Files, Help: "read linux.resources from a JSON file, or from stdin for -, in place of the other flags"},
		{Name: "memory", Arg: "BYTES", To: &o.memory, Help: "the limit of memory"},
		{Name: "memory-reservation", Arg: "BYTES", To: &o.memoryReservation, Help: "memory that is not taken away while there is other"},
		{Name: "memory-swap", Arg: "BYTES", To: &o.memorySwap, Help: "the limit of memory and swap together"},
		{Name: "cpu-quota", Arg: "USEC", To: &o.cpuQuota, Help: "CPU time in each period"},
		{Name: "cpu-period", Arg: "USEC", To: &o.cpuPeriod, Help: "the period of the quota"},
		{Name: "cpu-burst", Arg: "USEC", To: &o.cpuBurst, Help: "CPU time that may be saved up"},
		{Name: "cpu-share", Arg: "N", To: &o.cpuShare, Help: "the weight against others, 1024 for what everybody has"},
		{Name: "cpu-idle", Arg: "0|1", To: &o.cpuIdle, Help: "1 runs only when nobody else wants to"},
		{Name: "cpuset-cpus", Arg: "LIST", To: &o.cpusetCPUs, Help: "the CPUs that may be used, as 0-2,7"},
		{Name: "cpuset-mems", Arg: "LIST", To: &o.cpusetMems, Help: "the memory nodes that may be used"},
		{Name: "pids-limit", Arg: "N", To: &o.pidsLimit, Help: "how many processes and threads there may be"},
		{Name: "blkio-weight", Arg: "N", To: &o.blkioWeight, Help: "the weight of I/O, from 10 to 1000"},
		{Name: "cpu-rt-period", Arg: "USEC", To: &o.cpuRTPeriod, Hidden: true, Help: "of cgroup v1; only 0 is accepted"},
		{Name: "cpu-rt-runtime", Arg: "USEC", To: &o.cpuRTRuntime, Hidden: true, Help: "of cgroup v1; only 0 is accepted"},
		{Name: "kernel-memory", Arg: "BYTES", To: &o.kernelMemory, Hidden: true, Ignored: true, Help: "of cgroup v1: it is counted as memory"},
		{Name: "kernel-memory-tcp", Arg: "BYTES", To: &o.kernelMemoryTCP, Hidden: true, Ignored: true, Help: "of cgroup v1: it is counted as memory"},
		{Name: "l3-cache-schema", Arg: "SCHEMA", To: &o.cacheSchema, Unsupported: noRDT},
		{Name: "mem-bw-schema", Arg: "SCHEMA", To: &o.bandwidthSchema, Unsupported: noRDT},
	}
}

func (o *updateOptions) resources(a *app) (*specs.LinuxResources, error) {
	if o.file == "" {
		return o.fromFlags()
	}
	if o.others() {
		return nil, fault.New(fault.Usage, "--resources says everything").Remedy("leave the other flags out, or the file")
	}
	var raw []byte
	var err error
	if o.file == "-" {
		if raw, err = io.ReadAll(io.LimitReader(a.stdin, spec.MaxSize+1)); err != nil {
			return nil, fault.New(fault.Usage, "--resources -: %w", err)
		}
	} else if raw, err = spec.ReadFile(o.file); err != nil {
		return nil, err
	}
	return spec.LoadResources(raw)
}

// others reports whether a flag is given besides the file.
func (o *updateOptions) others() bool {
	for _, f := range o.flags() {
		if to, ok := f.To.(*string); ok && *to != "" && f.Name != "resources" {
			return true
		}
	}
	return false
}

// reading collects flags that are numbers, and what is wrong with those that are not.
type reading struct{ err error }

func (r *reading) refuse(flag, value, what string) {
	r.err = errors.Join(r.err, fault.New(fault.Usage, "--%s %q: not %s", flag, value, what))
}

func (r *reading) bytes(flag, value string) *int64 {
	if value == "" {
		return nil
	}
	n, ok := parseBytes(value)
	if !ok {
		r.refuse(flag, value, "an amount of memory; write bytes, or a number with k, m, g or t")
	}
	return &n
}

func (r *reading) signed(flag, value string) *int64 {
	if value == "" {
		return nil
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		r.refuse(flag, value, "a whole number")
	}
	return &n
}

func (r *reading) unsigned(flag, value string) *uint64 {
	if value == "" {
		return nil
	}
	n, err := strconv.ParseUint(value, 10, 64)
	if err != nil {
		r.refuse(flag, value, "a whole number that is not negative")
	}
	return &n
}

func (o *updateOptions) fromFlags() (*specs.LinuxResources, error) {
	var r reading
	memory := &specs.LinuxMemory{Limit: r.bytes("memory", o.memory), Reservation: r.bytes("memory-reservation", o.memoryReservation), Swap: r.bytes("memory-swap", o.memorySwap)}
	cpu := &specs.LinuxCPU{
		Quota: r.signed("cpu-quota", o.cpuQuota), Period: r.unsigned("cpu-period", o.cpuPeriod), Burst: r.unsigned("cpu-burst", o.cpuBurst),
		Shares: r.unsigned("cpu-share", o.cpuShare), Idle: r.signed("cpu-idle", o.cpuIdle), Cpus: o.cpusetCPUs, Mems: o.cpusetMems,
		RealtimePeriod: r.unsigned("cpu-rt-period", o.cpuRTPeriod), RealtimeRuntime: r.signed("cpu-rt-runtime", o.cpuRTRuntime),
	}
	all := &specs.LinuxResources{Memory: memory, CPU: cpu}
	if n := r.signed("pids-limit", o.pidsLimit); n != nil {
		all.Pids = &specs.LinuxPids{Limit: n}
	}
	if n := r.unsigned("blkio-weight", o.blkioWeight); n != nil {
		if *n > math.MaxUint16 {
			r.refuse("blkio-weight", o.blkioWeight, "from 10 to 1000")
		}
		weight := uint16(*n)
		all.BlockIO = &specs.LinuxBlockIO{Weight: &weight}
	}
	return all, r.err
}

// parseBytes reads bytes, or a number with a unit of 1024: k, kb, kib and so on, in either case.
func parseBytes(text string) (int64, bool) {
	digits := strings.TrimRight(strings.ToLower(text), "bikmgtp")
	unit := strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(text)[len(digits):], "b"), "i")
	shift := 10 * (strings.Index("kmgtp", unit) + 1)
	if unit == "" {
		shift = 0
	} else if len(unit) != 1 {
		return 0, false
	}
	if n, err := strconv.ParseInt(digits, 10, 64); err == nil {
		fits := n<<shift>>shift == n && (n >= 0 || n == -1 && unit == "")
		return n << shift, fits
	}
	n, err := strconv.ParseFloat(digits, 64)
	if err != nil || unit == "" || !(n >= 0) || n >= math.MaxInt64/float64(int64(1)<<shift) {
		return 0, false
	}
	return int64(n * float64(int64(1)<<shift)), true
}
