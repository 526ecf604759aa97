package main

import (
	"math"
	"strconv"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/roost-run/roost/internal/flags"
)

// handLimits are limits of a container without a bundle, in podman's names. Each is a text until it is known to be given.
type handLimits struct {
	memory, memorySwap, cpus, cpusetCPUs, pids string
}

func (o *handLimits) flags() []flags.Flag {
	return []flags.Flag{
		{Name: "memory", Short: 'm', Arg: "BYTES", To: &o.memory, Help: "the limit of memory, a number with k, m, g or t"},
		{Name: "memory-swap", Arg: "BYTES", To: &o.memorySwap, Help: "the limit of memory and swap together; -1 is no limit of swap"},
		{Name: "cpus", Arg: "N", To: &o.cpus, Help: "how many CPUs' time may be used, as 1.5"},
		{Name: "cpuset-cpus", Arg: "LIST", To: &o.cpusetCPUs, Help: "the CPUs that may be used, as 0-2,7"},
		{Name: "pids-limit", Arg: "N", To: &o.pids, Help: "how many processes and threads there may be"},
	}
}

// read makes them what a configuration holds; nil is none.
func (o *handLimits) read() (*specs.LinuxResources, error) {
	if *o == (handLimits{}) {
		return nil, nil
	}
	var r reading
	limits := &specs.LinuxResources{}
	if o.memory != "" || o.memorySwap != "" {
		limits.Memory = &specs.LinuxMemory{Limit: r.bytes("memory", o.memory), Swap: r.bytes("memory-swap", o.memorySwap)}
	}
	if o.cpus != "" || o.cpusetCPUs != "" {
		limits.CPU = &specs.LinuxCPU{Cpus: o.cpusetCPUs}
		limits.CPU.Quota, limits.CPU.Period = r.cpus("cpus", o.cpus)
	}
	if n := r.signed("pids-limit", o.pids); n != nil {
		limits.Pids = &specs.LinuxPids{Limit: n}
	}
	return limits, r.err
}

// cpus reads a number of CPUs as a quota in each tenth of a second, in microseconds. The kernel takes a thousandth of a second at least.
func (r *reading) cpus(flag, value string) (quota *int64, period *uint64) {
	if value == "" {
		return nil, nil
	}
	const tenth = 100_000
	n, err := strconv.ParseFloat(value, 64)
	if err != nil || !(n >= 0.01) || n > math.MaxInt32 {
		r.refuse(flag, value, "a number of CPUs; write one of 0.01 or more, such as 0.5 or 2")
		return nil, nil
	}
	us, each := int64(math.Round(n*tenth)), uint64(tenth)
	return &us, &each
}
