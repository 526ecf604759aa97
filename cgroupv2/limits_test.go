package cgroupv2

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

func itoa(n int) string { return strconv.Itoa(n) }

func TestOutOfMemory(t *testing.T) {
	g, _ := group(t, "memory")
	apply(t, g, `{"memory":{"limit":16777216,"swap":16777216}}`)
	w, err := g.Watch()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if e, err := w.Next(patience(t)); err != nil || e.Populated || e.Memory.OOMKill != 0 {
		t.Errorf("%+v %v", e, err)
	}
	start(t, g, "head -c 64M /dev/zero | tail -c 64M >/dev/null; exec sleep 60") // tail keeps what it has read
	for {
		e, err := w.Next(patience(t))
		if err != nil {
			t.Fatal(err)
		}
		if e.Memory.OOMKill > 0 && e.Local.OOM > 0 {
			if !e.Populated || e.Memory.Max == 0 || e.Local.OOMKill != e.Memory.OOMKill {
				t.Errorf("%+v", e)
			}
			break
		}
	}
	s, err := g.Stats()
	if err != nil || s.Memory.Events.OOMKill != 1 || s.Memory.Max != 16777216 || s.Memory.Peak < 8<<20 || s.Memory.Raw["anon"] == 0 {
		t.Errorf("%+v %v", s.Memory, err)
	}
	if err := g.Kill(); err != nil {
		t.Error(err)
	}
	for {
		e, err := w.Next(patience(t))
		if err != nil {
			t.Fatal(err)
		}
		if !e.Populated {
			break
		}
	}
	// The reason is there until the cgroup is removed.
	if e, err := g.Events(); err != nil || e.Memory.OOMKill != 1 || e.Memory.OOM == 0 {
		t.Errorf("%+v %v", e, err)
	}
}

// Killed for a limit further up, the container's own events say "oom_kill" and not "oom".
func TestOutOfMemoryAbove(t *testing.T) {
	outer, _ := group(t, "memory")
	apply(t, outer, `{"memory":{"limit":16777216,"swap":16777216}}`)
	g, err := Make(outer.Dir(), "inner", []string{"memory"})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	if out, err := inside(g, "head -c 64M /dev/zero | tail -c 64M >/dev/null"); err == nil {
		t.Errorf("%s", out)
	}
	if e, err := g.Events(); err != nil || e.Memory.OOMKill != 1 || e.Memory.OOM != 0 {
		t.Errorf("%+v %v", e, err)
	}
	if e, err := outer.Events(); err != nil || e.Memory.OOM == 0 || e.Memory.OOMKill != 1 || e.Local.OOMKill != 0 {
		t.Errorf("%+v %v", e, err)
	}
}

func TestWatchEndsWithTheCgroup(t *testing.T) {
	g, path := group(t)
	w, err := g.Watch()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if _, err := w.Next(patience(t)); err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(20*time.Millisecond, func() { _ = os.Remove(path) })
	if _, err := w.Next(patience(t)); err != io.EOF {
		t.Error(err)
	}
	if _, err := g.Watch(); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

func TestTooManyProcesses(t *testing.T) {
	g, _ := group(t, "pids")
	apply(t, g, `{"pids":{"limit":10}}`)
	out, err := inside(g, "i=0; while [ $i -lt 20 ]; do sleep 60 >/dev/null 2>&1 & i=$((i+1)); done")
	if err == nil || !strings.Contains(string(out), "fork") {
		t.Errorf("%v %s", err, out)
	}
	s, err := g.Stats()
	if err != nil || s.PIDs.Max != 10 || s.PIDs.Refused == 0 || s.PIDs.Current == 0 {
		t.Errorf("%+v %v", s.PIDs, err)
	}
}

func TestQuota(t *testing.T) {
	g, _ := group(t, "cpu")
	apply(t, g, `{"cpu":{"quota":20000,"period":100000}}`)
	begin := time.Now()
	start(t, g, "while :; do :; done")
	time.Sleep(2 * time.Second)
	s, err := g.Stats()
	spent := time.Since(begin)
	if err != nil {
		t.Fatal(err)
	}
	// Never more than a fifth, and a period; how much less depends on the machine.
	if most := spent/5 + 100*time.Millisecond; time.Duration(s.CPU.Usage)*time.Microsecond > most || s.CPU.ThrottledPeriods == 0 || s.CPU.ThrottledTime == 0 {
		t.Errorf("after %v, %v allowed: %+v", spent, most, s.CPU)
	}
	if s.CPU.Quota != 20000 || s.CPU.Period != 100000 {
		t.Errorf("%+v", s.CPU)
	}
}

// loopDevice is a block device of the test's own, of 64 MiB.
func loopDevice(t *testing.T) (loop, major, minor string) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root, for a loop device")
	}
	file := filepath.Join(t.TempDir(), "disk")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(file, 64<<20); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("losetup", "--find", "--show", file).Output()
	if err != nil {
		t.Skip("needs losetup and a free loop device:", err)
	}
	loop = strings.TrimSpace(string(out))
	t.Cleanup(func() {
		if err := exec.Command("losetup", "--detach", loop).Run(); err != nil {
			t.Error(err)
		}
	})
	b, err := os.ReadFile("/sys/block/" + filepath.Base(loop) + "/dev")
	if err != nil {
		t.Fatal(err)
	}
	major, minor, _ = strings.Cut(strings.TrimSpace(string(b)), ":")
	return loop, major, minor
}

func TestThrottledDevice(t *testing.T) {
	g, _ := group(t, "io")
	loop, major, minor := loopDevice(t)
	device := `"major":` + major + `,"minor":` + minor
	apply(t, g, `{"blockIO":{"throttleReadBpsDevice":[{`+device+`,"rate":2097152}],"throttleWriteIOPSDevice":[{`+device+`,"rate":100}]}}`)
	has(t, g, "io.max", major+":"+minor+" rbps=2097152 wbps=max riops=max wiops=100")
	begin := time.Now()
	if out, err := inside(g, "dd if="+loop+" of=/dev/null bs=64k count=64 iflag=direct"); err != nil { // 4 MiB
		t.Errorf("%v %s", err, out)
	}
	if spent := time.Since(begin); spent < 1500*time.Millisecond {
		t.Errorf("4 MiB in %v, at 2 MiB a second", spent)
	}
	s, err := g.Stats()
	if err != nil || len(s.IO.Devices) == 0 {
		t.Fatalf("%+v %v", s.IO, err)
	}
	found := false
	for _, d := range s.IO.Devices {
		if strconv.Itoa(int(d.Major)) == major && strconv.Itoa(int(d.Minor)) == minor {
			found = d.ReadBytes >= 4<<20 && d.ReadLimit == 2097152 && d.WriteLimit == Unlimited
		}
	}
	if !found {
		t.Errorf("%+v", s.IO)
	}
	apply(t, g, `{"blockIO":{"throttleReadBpsDevice":[{`+device+`,"rate":0}],"throttleWriteIOPSDevice":[{`+device+`,"rate":0}]}}`)
	has(t, g, "io.max", "")
	err = g.Apply(settings(t, `{"blockIO":{"throttleReadBpsDevice":[{"major":4095,"minor":1,"rate":2}]}}`))
	if err == nil || !strings.Contains(err.Error(), "throttleReadBpsDevice[0].rate") || !strings.Contains(err.Error(), "lsblk") {
		t.Error(err)
	}
}

func TestCPUs(t *testing.T) {
	g, _ := group(t, "cpuset")
	apply(t, g, `{"cpu":{"cpus":"0","mems":"0"}}`)
	start(t, g, "exec sleep 60")
	apply(t, g, `{"cpu":{"cpus":"0-1"}}`)
	apply(t, g, `{"cpu":{"cpus":"1"}}`)
	has(t, g, "cpuset.cpus", "1")
	err := g.Apply(settings(t, `{"cpu":{"cpus":"9000"}}`))
	if err == nil || !strings.Contains(err.Error(), "linux.resources.cpu.cpus") {
		t.Error(err)
	}
}
