package integration

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const busy = "while :; do :; done"

func TestTopLines(t *testing.T) {
	idle, loud := start(t, sh(sleeper)), start(t, sh(busy))
	ended := start(t, sh("exit 0"))
	stopped(t, ended)
	r := must(t, "top", "--once")
	list := lines(strings.TrimSpace(r.Stdout))
	if len(list) != 3 || r.Stderr != "" {
		t.Fatalf("not a heading and two containers: %v", r)
	}
	if f := strings.Fields(list[0]); f[0] != "ID" || f[2] != "CPU%" {
		t.Errorf("heading: %q", f)
	}
	if first, second := strings.Fields(list[1]), strings.Fields(list[2]); first[0] != loud || second[0] != idle || first[1] != "running" || first[2] == "0.0" {
		t.Errorf("not the busy one first: %q, %q", first, second)
	}
	if r := must(t, "top", "-n", "2", "--interval", "100ms", "--sort", "id"); strings.Count(r.Stdout, "ID ") != 2 || strings.Index(r.Stdout, idle) > strings.Index(r.Stdout, loud) {
		t.Errorf("two rounds by id: %v", r)
	}
}

func TestTopJSON(t *testing.T) {
	id := start(t, sh(busy))
	r := must(t, "top", "--json", "-n", "2", "--interval", "150ms")
	list := lines(strings.TrimSpace(r.Stdout))
	if len(list) != 2 {
		t.Fatalf("not one object a round: %v", r)
	}
	for _, l := range list {
		var row struct {
			Time       time.Time
			ID, Status string
			CPUPercent float64
			Memory     uint64
			Pids       int
		}
		if err := json.Unmarshal([]byte(l), &row); err != nil {
			t.Fatal(err)
		}
		// 100 is a processor of its own, which nobody promises here.
		if row.ID != id || row.Status != "running" || row.CPUPercent < 1 || row.CPUPercent > 150 || row.Memory == 0 || row.Pids != 1 || time.Since(row.Time) > time.Minute {
			t.Errorf("%s", l)
		}
	}
}

func TestTopRefuses(t *testing.T) {
	refuse(t, []string{"--interval"}, "top", "--once", "--interval", "1ms")
	refuse(t, []string{"--count"}, "top", "--count=-1")
	refuse(t, []string{"--sort"}, "top", "--sort", "colour")
}

// TestTopBrokenContainer shows the others, and says what is wrong.
func TestTopBrokenContainer(t *testing.T) {
	id, broken := start(t, sh(sleeper)), start(t, sh(sleeper))
	file := filepath.Join(stateRoot(t), broken, "state.json")
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(`{"record":1,"id":"\u001b[2J"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	defer os.WriteFile(file, good, 0o600)
	r := must(t, "top", "-n", "2", "--interval", "100ms")
	if strings.Count(r.Stdout, id) != 2 || strings.Count(r.Stderr, broken) == 0 || strings.Count(r.Stderr, "\n") != 1 || strings.Contains(r.Stderr, "\x1b") {
		t.Errorf("%v", r)
	}
}

const (
	ownScreen  = "\x1b[?1049h"
	backScreen = "\x1b[?25h\x1b[?1049l"
)

// shown starts `top` on a terminal of 10 rows and waits until the table is there.
func shown(t *testing.T, args ...string) (*screen, unix.Termios, func() result, int) {
	t.Helper()
	s := newScreen(t, 10, 100)
	before := s.modes(t)
	cmd := command(t, append([]string{"top", "--interval", "100ms"}, args...)...)
	cmd.Env = append(os.Environ(), "TERM=xterm", "LC_ALL=C.UTF-8")
	collect := s.runs(t, cmd)
	s.shows(t, "q quit")
	return s, before, collect, cmd.Process.Pid
}

func (s *screen) restored(t *testing.T, before unix.Termios, how string) {
	t.Helper()
	if s.modes(t) != before {
		t.Errorf("%s: the terminal has other modes than before", how)
	}
	eventually(t, how+": the screen is given back", func() bool { // what it wrote last may still be on its way
		text := s.text()
		return strings.HasSuffix(strings.TrimRight(text, "\n"), backScreen) && strings.Count(text, ownScreen) == strings.Count(text, backScreen)
	})
}

// TestTopEnds gives the terminal back, whatever ends it.
func TestTopEnds(t *testing.T) {
	id := start(t, sh(busy))
	for name, c := range map[string]struct {
		end  func(s *screen, pid int)
		code int
	}{
		"q":    {func(s *screen, _ int) { s.types(t, "q") }, 0},
		"^C":   {func(s *screen, _ int) { s.types(t, "\x03") }, 0},
		"TERM": {func(_ *screen, pid int) { syscall.Kill(pid, syscall.SIGTERM) }, 143},
		"INT":  {func(_ *screen, pid int) { syscall.Kill(pid, syscall.SIGINT) }, 130},
		"HUP":  {func(_ *screen, pid int) { syscall.Kill(pid, syscall.SIGHUP) }, 129},
		"QUIT": {func(_ *screen, pid int) { syscall.Kill(pid, syscall.SIGQUIT) }, 131},
	} {
		s, before, collect, pid := shown(t)
		s.shows(t, id)
		c.end(s, pid)
		if r := collect(); r.Code != c.code {
			t.Errorf("%s: %v", name, r)
		}
		s.restored(t, before, name)
	}
}

func TestTopKeys(t *testing.T) {
	for range 12 {
		start(t, sh(sleeper))
	}
	s, before, collect, _ := shown(t, "--sort", "id")
	s.shows(t, "sort: id")
	s.shows(t, "arrows: 1 to 7 of 12")
	s.types(t, "\x1b[B\x1b[B\x1b[A")
	s.shows(t, "arrows: 2 to 8 of 12")
	s.types(t, " ")
	s.shows(t, "arrows: 6 to 12 of 12")
	s.types(t, "s")
	s.shows(t, "sort: cpu")
	s.resize(t, 30, 60)
	s.shows(t, "sort: cpu  every 100ms\x1b[K\x1b[J") // all fit now
	s.types(t, "q")
	if r := collect(); r.Code != 0 {
		t.Errorf("%v", r)
	}
	s.restored(t, before, "q")
}

// TestTopSuspends gives the terminal to the shell while it is stopped.
func TestTopSuspends(t *testing.T) {
	s, before, collect, pid := shown(t)
	syscall.Kill(pid, syscall.SIGTSTP)
	// Its process group is orphaned here, so the kernel does not stop it; the terminal is left and taken again all the same.
	s.shows(t, backScreen)
	syscall.Kill(pid, syscall.SIGCONT)
	eventually(t, "it draws again", func() bool {
		_, after, ok := strings.Cut(s.text(), backScreen)
		return ok && strings.Contains(after, ownScreen) && strings.Contains(after, "q quit")
	})
	s.types(t, "q")
	if r := collect(); r.Code != 0 {
		t.Errorf("%v", r)
	}
	s.restored(t, before, "q after a stop")
}
