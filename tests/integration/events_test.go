package integration

import (
	"bufio"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// event is a line of `events`, as readers of runc's know it.
type event struct {
	Type string
	ID   string
	Data *struct {
		CPU          struct{ Usage map[string]uint64 }
		Memory       struct{ Usage, Swap map[string]uint64 }
		Pids         map[string]uint64
		Interfaces   []struct{ Name string } `json:"network_interfaces"`
		Approximated []string
	}
}

func parseEvent(t testing.TB, line string) (e event) {
	t.Helper()
	if err := json.Unmarshal([]byte(line), &e); err != nil {
		t.Fatalf("%v: %q", err, line)
	}
	return e
}

func TestEventsOnce(t *testing.T) {
	id := start(t, with(sh(sleeper), func(s *specs.Spec) {
		own := specs.LinuxNamespace{Type: specs.NetworkNamespace}
		if !slices.Contains(s.Linux.Namespaces, own) { // that of an ordinary user has the host's
			s.Linux.Namespaces = append(s.Linux.Namespaces, own)
		}
	}))
	var e event
	eventually(t, "it has used processor time", func() bool {
		r := must(t, "events", "--stats", id)
		if strings.Count(r.Stdout, "\n") != 1 || r.Stderr != "" {
			t.Fatalf("not one line: %v", r)
		}
		e = parseEvent(t, r.Stdout)
		return e.Data != nil && e.Data.CPU.Usage["total"] > 0
	})
	d := e.Data
	if e.Type != "stats" || e.ID != id || d.Memory.Usage["usage"] == 0 || d.Memory.Usage["limit"] == 0 || d.Pids["current"] < 1 {
		t.Errorf("%+v", e)
	}
	if len(d.Interfaces) != 1 || d.Interfaces[0].Name != "lo" {
		t.Errorf("interfaces: %+v", d.Interfaces)
	}
}

// TestEventsMembers holds the members against those that runc prints for any container, whatever its figures are.
func TestEventsMembers(t *testing.T) {
	id := start(t, sh(sleeper))
	var all struct{ Data map[string]json.RawMessage }
	if err := json.Unmarshal([]byte(must(t, "events", "--stats", id).Stdout), &all); err != nil {
		t.Fatal(err)
	}
	want := []string{"blkio", "cpu", "cpuset", "hugetlb", "intel_rdt", "memory", "network_interfaces", "pids"}
	var got []string
	for key := range all.Data {
		if key != "approximated" {
			got = append(got, key)
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestEventsStream follows a container to its end, whoever ends it.
func TestEventsStream(t *testing.T) {
	id := start(t, sh(sleeper))
	cmd := command(t, "events", "--interval", "20ms", id)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cmd.Stdout = w
	collect := capture(t, cmd)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	seen := 0
	for lines := bufio.NewScanner(r); lines.Scan(); {
		if e := parseEvent(t, lines.Text()); e.Type != "stats" || e.ID != id || e.Data == nil {
			t.Errorf("%+v", e)
		}
		if seen++; seen == 3 {
			must(t, "kill", id, "KILL")
		}
	}
	if end := collect(); end.Code != 0 || seen < 3 || end.Stderr != "" {
		t.Errorf("%d events, then %v", seen, end)
	}
	refuse(t, []string{"container not running"}, "events", id)
	refuse(t, []string{"container not running"}, "events", "--stats", id)
}

func TestEventsRefuses(t *testing.T) {
	id := start(t, sh(sleeper))
	refuse(t, []string{"--interval", "must be greater than 0"}, "events", "--interval", "0s", id)
	refuse(t, []string{"--interval", "not a duration"}, "events", "--interval", "5", id)
	refuse(t, []string{"container does not exist"}, "events", "--stats", "nobody")
}

// TestEventsReaderLeaves ends the stream: nobody reads it any more.
func TestEventsReaderLeaves(t *testing.T) {
	id := start(t, sh(sleeper))
	cmd := command(t, "events", "--interval", "5ms", id)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout = w
	collect := capture(t, cmd)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	r.Close()
	if end := collect(); end.Code == 0 {
		t.Errorf("a closed pipe went unnoticed: %v", end)
	}
}
