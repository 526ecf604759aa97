package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// meterRun makes a run that can sample shell commands.
func meterRun(t *testing.T) *run {
	t.Helper()
	dir := openDir(t)
	compile(t, dir, "meter", "meter.c")
	return &run{opts: options{bin: dir, work: dir, state: dir}}
}

func shell(script string) command { return command{"/bin/sh", "-c", script} }

func TestMeterRunsEveryTurn(t *testing.T) {
	b := meterRun(t)
	for _, jobs := range []int{1, 8} {
		seen := filepath.Join(b.opts.work, "seen")
		os.Remove(seen)
		op := operation{jobs: jobs, turns: 20}
		if _, err := b.sample(op, []command{shell("echo a% >> " + seen), shell("echo b% >> " + seen)}); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(seen)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"a0\n", "b0\n", "a19\n", "b19\n"} {
			if strings.Count(string(text), want) != 1 {
				t.Errorf("%d jobs: %q is in the output %d times, want once", jobs, want, strings.Count(string(text), want))
			}
		}
		if n := strings.Count(string(text), "\n"); n != 40 {
			t.Errorf("%d jobs: %d commands ran, want 40", jobs, n)
		}
	}
}

func TestMeterStopsAtTheFirstFailure(t *testing.T) {
	b := meterRun(t)
	never := filepath.Join(b.opts.work, "never")
	for script, want := range map[string]string{
		"echo sorry >&2; exit 3": "exit status 3: sorry",
		"kill -9 $$":             "exit status 137",
	} {
		_, err := b.sample(operation{jobs: 1, turns: 2}, []command{shell("true"), shell(script), shell("touch " + never)})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q in it", script, err, want)
		}
	}
	if _, err := os.Stat(never); err == nil {
		t.Error("a command ran after the one that failed")
	}
	if _, err := b.sample(operation{jobs: 1, turns: 1}, []command{{"/does/not/exist"}}); err == nil {
		t.Error("a command that is not there: no error")
	}
}

// What a command leaves behind counts as its cost, and does not hold up the clock.
func TestMeterCountsOrphans(t *testing.T) {
	b := meterRun(t)
	// About 300,000 turns of a shell's loop; the clock stops at the command's end, before it.
	orphan := shell("(i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done) & exit 0")
	s, err := b.sample(operation{jobs: 1, turns: 1}, []command{orphan})
	if err != nil {
		t.Fatal(err)
	}
	if s.cpu <= s.wall {
		t.Errorf("cpu %v, wall %v: the orphan's work is not counted, or was waited for", s.cpu, s.wall)
	}
	waited, err := b.sample(operation{jobs: 1, turns: 1}, []command{orphan, {"@wait"}})
	if err != nil {
		t.Fatal(err)
	}
	if waited.wall <= waited.cpu/2 {
		t.Errorf("cpu %v, wall %v: @wait did not wait", waited.cpu, waited.wall)
	}
	if _, err := b.sample(operation{jobs: 2, turns: 2}, []command{orphan, {"@wait"}}); err == nil {
		t.Error("@wait beside other jobs: accepted")
	}
}

// The reason for the meter: a large Go parent must not show in the child's peak.
func TestPeakIsTheCommandsOwn(t *testing.T) {
	b := meterRun(t)
	floor := compile(t, b.opts.bin, "floor", "floor.c", "rootfs.c", "confine.c")
	ballast := make([]byte, 32<<20)
	for i := 0; i < len(ballast); i += 4096 {
		ballast[i] = 1
	}
	s, err := b.sample(operation{jobs: 1, turns: 1}, []command{{floor, "none"}})
	if err != nil {
		t.Fatal(err)
	}
	if s.peak < 100 || s.peak > 3<<10 {
		t.Errorf("peak of a program that does nothing: %d KiB", s.peak)
	}
	if ballast[4096] != 1 || s.wall <= 0 || s.wall > time.Minute {
		t.Errorf("wall %v", s.wall)
	}
}

func TestMeterKeepsItsDescriptor(t *testing.T) {
	b := meterRun(t)
	if _, err := b.sample(operation{jobs: 1, turns: 1}, []command{shell("[ ! -e /proc/$$/fd/3 ]")}); err != nil {
		t.Errorf("the command has the meter's pipe: %v", err)
	}
}

func TestMeterRefusesNonsense(t *testing.T) {
	b := meterRun(t)
	for _, args := range [][]string{{}, {"1"}, {"1", "0", "1", "true", ";"}, {"1", "65", "1", "true", ";"}, {"1", "1", "0", "true", ";"}, {"1", "1", "1", ";"}} {
		if err := exec.Command(filepath.Join(b.opts.bin, "meter"), args...).Run(); err == nil {
			t.Errorf("meter %q: accepted", args)
		}
	}
}
