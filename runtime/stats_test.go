package runtime

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

func TestTimesAreOfTheProcessAndOfItsChildren(t *testing.T) {
	var u taskUsage
	u.addTimes("7 (a) b) S 1 7 7 0 -1 4194560 100 200 0 0 150 25 50 5 20 0 3 0 100 1 1\n", 0)
	u.addTimes("8 (b) S 1 7 7 0 -1 4194560 100 200 0 0 1 2 4 0 20 0 1 0 100 1 1\n", 12345678)
	u.addTimes("9 (cut short) S 1 7", 5)
	u.addTimes("", 0)
	want := taskUsage{user: 2050e6, kernel: 320e6, cpu: 2300e6 + 40e6 + 12345678, threads: 4}
	if u != want {
		t.Errorf("%+v", u)
	}
}

func TestShares(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want taskUsage
	}{
		"now": {
			"55d0-7ffe ---p 00000000 00:00 0      [rollup]\nRss:    900 kB\nPss:    600 kB\nPss_Dirty: 1 kB\nPss_Anon:    100 kB\nPss_File:    200 kB\nPss_Shmem:   300 kB\nSwap:   9 kB\nSwapPss:  4 kB\n",
			taskUsage{anon: 100 << 10, file: 500 << 10, shmem: 300 << 10, swap: 4 << 10},
		},
		"the sum alone": {"Pss:    600 kB\nSwapPss:  0 kB\n", taskUsage{anon: 600 << 10}},
		"nothing":       {"", taskUsage{}},
		"no numbers":    {"Pss: kB\nPss_Anon:\nSwapPss: many kB\n", taskUsage{}},
	} {
		var u taskUsage
		u.addShares(c.text)
		if u != c.want {
			t.Errorf("%s: %+v", name, u)
		}
	}
}

func TestIO(t *testing.T) {
	var u taskUsage
	u.addIO("rchar: 1\nwchar: 2\nsyscr: 3\nsyscw: 4\nread_bytes: 4096\nwrite_bytes: 8192\ncancelled_write_bytes: 5\n")
	u.addIO("read_bytes: 1\n")
	if want := (taskUsage{read: 4097, written: 8192}); u != want {
		t.Errorf("%+v", u)
	}
}

func TestInterfaces(t *testing.T) {
	text := `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:  100       2    3    4    0     0          0         0      5       6    7    8    0     0       0          0
veth:1:9 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0
`
	want := []InterfaceStats{
		{Name: "lo", RxBytes: 100, RxPackets: 2, RxErrors: 3, RxDropped: 4, TxBytes: 5, TxPackets: 6, TxErrors: 7, TxDropped: 8},
		{Name: "veth:1", RxBytes: 9, RxPackets: 1},
	}
	if got := parseInterfaces(text); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
}

// TestEventJSON pins the line as runc's readers know it: which members are there when all of them have a figure, and which when none has.
func TestEventJSON(t *testing.T) {
	full := &Stats{Hugetlb: map[string]HugetlbStats{"2MB": {1, 2, 3}}, Interfaces: []InterfaceStats{{Name: "lo", RxBytes: 1}}}
	full.CPU.Usage.Total, full.CPU.Usage.Kernel, full.CPU.Usage.User = 3, 1, 2
	full.CPU.Throttling.Periods, full.CPU.Throttling.Throttled, full.CPU.Throttling.Time = 1, 2, 3
	pressure := &Pressure{Some: PressureLine{1.5, 2, 3, 4}, Full: PressureLine{0, 0, 0, 5}}
	full.CPU.Pressure, full.Memory.Pressure, full.IO.Pressure = pressure, pressure, pressure
	full.Memory.Cache, full.Memory.Raw = 1, map[string]uint64{"anon": 2}
	full.Memory.Usage = MemoryEntry{Unlimited, 2, 3, 4}
	full.Pids = PidsStats{1, 2}
	full.IO.Bytes, full.IO.Operations = []IOEntry{{8, 0, "Read", 512}}, []IOEntry{{8, 0, "Write", 1}}
	var missed Stats
	missed.Hugetlb = map[string]HugetlbStats{}
	missed.approximate(missing{cpu: true, memory: true, pids: true, io: true}, taskUsage{1, 2, 3, 3, 4, 5, 6, 7, 8, 9})
	var b strings.Builder
	for _, e := range []Event{
		{EventOOM, "c", nil}, {EventStats, "c", &Stats{Hugetlb: map[string]HugetlbStats{}}}, {EventStats, "c", full}, {EventStats, "c", &missed},
	} {
		line, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		b.Write(append(line, '\n'))
	}
	golden(t, "events.jsonl", b.String())
}

// TestStats asks about a real container whose figures are known, as far as they can be.
func TestStats(t *testing.T) {
	b := newBox(t)
	s := b.script("x=$(busybox head -c 40000000 /dev/zero | busybox tr '\\0' x); echo x; sleep 100 & wait")
	s.Linux.Namespaces = append(s.Linux.Namespaces, namespaces(specs.NetworkNamespace)...)
	c, _ := b.run("stats", s)
	var last *Stats
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		now, err := c.Stats()
		if err != nil {
			t.Fatal(err)
		}
		last = now
		if last.Memory.Raw["anon"] > 40e6 && last.Pids.Current == 2 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%+v", last)
		}
	}
	if u := last.Memory.Usage.Usage; u < 40e6 || u > 1e9 || last.Memory.Usage.Limit != Unlimited || last.Memory.Swap.Usage < u {
		t.Errorf("memory: %+v", last.Memory)
	}
	if u := last.CPU.Usage; u.Total == 0 || u.Total > uint64(time.Minute) {
		t.Errorf("%+v", u)
	}
	if len(last.Interfaces) != 1 || last.Interfaces[0].Name != "lo" {
		t.Errorf("%+v", last.Interfaces)
	}
}

func TestWatch(t *testing.T) {
	b := newBox(t)
	keepsDescriptors(t, func() {
		c, p, err := b.store.Run(t.Context(), "watch", b.options(b.script("sleep 1000")))
		if err != nil {
			t.Fatal(err)
		}
		enough := errors.New("enough")
		var seen int
		err = c.Watch(t.Context(), time.Millisecond, func(e Event) error {
			if seen++; e.Type != EventStats || e.ID != "watch" || e.Data == nil {
				t.Errorf("%+v", e)
			}
			if seen == 3 {
				return enough
			}
			return nil
		})
		if !errors.Is(err, enough) || seen != 3 {
			t.Errorf("%d events, %v", seen, err)
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		err = c.Watch(ctx, time.Hour, func(Event) error { cancel(enough); return nil })
		if !errors.Is(err, enough) {
			t.Errorf("its context ended: %v", err)
		}
		err = c.Watch(t.Context(), time.Hour, func(Event) error { return c.Signal(t.Context(), syscall.SIGKILL, false) })
		if err != nil {
			t.Errorf("the container ended: %v", err)
		}
		b.wait(p)
		if _, err := c.Stats(); !errors.Is(err, ErrNotRunning) {
			t.Error(err)
		}
		if err := c.Watch(t.Context(), time.Second, func(Event) error { return nil }); !errors.Is(err, ErrNotRunning) {
			t.Error(err)
		}
		if err := c.Destroy(t.Context(), false); err != nil {
			t.Error(err)
		}
	})
}
