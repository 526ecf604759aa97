package top

import (
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := "testdata/" + name
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got); go test -update writes it anew:\n%s", path, diff)
	}
}

// sampled is what a meter makes of five rounds of four containers: busy, with limits; one of which nothing is counted; idle; just come.
func sampled() []Row {
	var m Meter
	var rows []Row
	begin := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for i := range 5 {
		at := begin.Add(time.Duration(i) * time.Second)
		n := uint64(i)
		samples := []Sample{
			{ID: "web", Status: "running", At: at, CPU: n * n * 100e6, Memory: (1 + n) << 24, MemoryLimit: 96 << 20, Tasks: 12, TasksLimit: 100, Pressure: &Pressure{12.5, 0, 100}},
			{ID: "job-with-a-rather-long-name", Status: "paused", At: at, CPU: n * 2e9, Memory: 3 << 40, Tasks: 100000, Approximated: true},
			{ID: "idle", Status: "created", At: at, Memory: 512, Tasks: 1, Pressure: &Pressure{}},
		}
		if i == 4 {
			samples = append(samples, Sample{ID: "new", Status: "creating", At: at, CPU: 5, Memory: 1 << 20, Tasks: 2})
		}
		rows = m.Rows(samples)
	}
	return rows
}

func TestScreens(t *testing.T) {
	for _, v := range []View{
		{Rows: 10, Columns: 120, Order: "cpu", Glyphs: Blocks()},
		{Rows: 8, Columns: 80, Order: "memory", Glyphs: ASCII()},
		{Rows: 5, Columns: 60, Order: "id", Glyphs: Blocks(), Scroll: 1},
		{Rows: 8, Columns: 30, Order: "psi", Glyphs: Blocks()},
		{Rows: 3, Columns: 9, Order: "pids", Glyphs: Blocks(), Scroll: 99},
	} {
		v.Interval = 2 * time.Second
		rows := sampled()
		Sort(rows, v.Order)
		golden(t, fmt.Sprintf("screen-%d.txt", v.Columns), strings.Join(v.Draw(rows), "\n")+"\n")
	}
}

// TestDrawFits goes through all sizes, down to none.
func TestDrawFits(t *testing.T) {
	for rows := range 12 {
		for columns := range 130 {
			v := View{Rows: rows, Columns: columns, Order: "cpu", Glyphs: Blocks(), Scroll: 2}
			frame := v.Draw(sampled())
			if len(frame) > max(1, rows) {
				t.Fatalf("%d lines on %d rows", len(frame), rows)
			}
			for _, l := range frame {
				if utf8.RuneCountInString(l) > columns {
					t.Fatalf("%q on %d columns", l, columns)
				}
			}
			if v.Draw(nil); v.Scroll != 0 {
				t.Fatal("scrolled away from nothing")
			}
		}
	}
}

func TestLines(t *testing.T) {
	rows := sampled()
	Sort(rows, "cpu")
	golden(t, "lines.txt", Lines(rows)+Lines(nil))
	var b strings.Builder
	for _, r := range rows {
		b.WriteString(JSON(r))
		var any map[string]any
		if err := json.Unmarshal([]byte(JSON(r)), &any); err != nil {
			t.Error(err)
		}
	}
	golden(t, "rows.jsonl", b.String())
}

// TestHostileNames shows nothing that a terminal acts on, wherever the name turns up.
func TestHostileNames(t *testing.T) {
	rows := []Row{{Sample: Sample{ID: "a\x1b]0;owned\x07\r\n\u202e\u200b\xff\u009b2J", Status: "running"}, Share: -1}}
	v := View{Rows: 5, Columns: 100, Order: "cpu", Glyphs: Blocks()}
	for _, text := range append(v.Draw(rows), strings.TrimSuffix(Lines(rows), "\n")) {
		for _, r := range strings.ReplaceAll(text, "\n", "") {
			if r < ' ' || r >= 0x7f && r < 0xa0 || r == 0x202e || r == 0x200b || r == utf8.RuneError {
				t.Errorf("%q", text)
			}
		}
	}
	if n := strings.Count(Lines(rows), "\n"); n != 2 {
		t.Errorf("%d lines", n)
	}
}

func TestRates(t *testing.T) {
	var m Meter
	at := time.Unix(1000, 0)
	sample := func(cpu uint64, after time.Duration) float64 {
		at = at.Add(after)
		return m.Rows([]Sample{{ID: "c", At: at, CPU: cpu}})[0].Share
	}
	for i, c := range []struct {
		cpu   uint64
		after time.Duration
		want  float64
	}{
		{5e9, 0, -1}, {6e9, time.Second, 100}, {6e9, time.Second, 0}, {7e9, 2 * time.Second, 50}, {1e9, time.Second, 0}, {2e9, time.Second, 100}, {9e9, 0, -1}, {10e9, time.Second, 100},
	} {
		if got := sample(c.cpu, c.after); got != c.want {
			t.Errorf("%d: %v, want %v", i, got, c.want)
		}
	}
	for i := range 3 * history {
		sample(uint64(i), time.Second)
	}
	if n := len(m.before["c"].CPUHistory); n != history {
		t.Errorf("a history of %d", n)
	}
	m.Rows(nil)
	if sample(1, time.Second) != -1 {
		t.Error("a container that went and came is known")
	}
}

func TestSizes(t *testing.T) {
	for n, want := range map[uint64]string{
		0: "0", 999: "999", 1000: "1.0K", 1024: "1.0K", 1 << 20: "1.0M", 102400: "100K", 1023 << 10: "1.0M", 999 << 20: "999M", 1<<30 - 1: "1.0G", 3 << 40: "3.0T", math.MaxUint64: "16.0E",
	} {
		if got := size(n); got != want || len(got) > 5 {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
	for v, want := range map[float64]string{-1: "-", 0: "0.0", 12.34: "12.3", 999.94: "999.9", 12800: "12800"} {
		if got := percent(v); got != want {
			t.Errorf("%v: %s, want %s", v, got, want)
		}
	}
}

func TestBars(t *testing.T) {
	for _, c := range []struct {
		values []float64
		full   float64
		want   string
	}{
		{nil, 100, "    "}, {[]float64{0, 0.1, 50, 100}, 100, " ▁▄█"}, {[]float64{9, 9, 1, 2, 3, 400}, 8, "▁▂▃█"}, {[]float64{1}, 0, "    "},
	} {
		if got := Blocks().bar(c.values, c.full, 4); got != c.want {
			t.Errorf("%v of %v: %q, want %q", c.values, c.full, got, c.want)
		}
	}
	for _, c := range []struct {
		all, ctype, lang string
		blocks           bool
	}{
		{"", "", "", false}, {"", "", "en_US.UTF-8", true}, {"C", "", "en_US.UTF-8", false}, {"", "de_DE.utf8@euro", "C", true}, {"C.UTF-8", "C", "C", true}, {"", "POSIX", "C.UTF-8", false}, {"", "", "ru_RU.KOI8-R", false},
	} {
		if got := GlyphsFor(c.all, c.ctype, c.lang)[8] == '█'; got != c.blocks {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

func TestKeys(t *testing.T) {
	for typed, want := range map[string][]Key{
		"q": {Quit}, "sjk": {Reorder, Down, Up}, "\x1b[A\x1b[B\x1bOA": {Up, Down, Up}, "\x03\x1a": {Quit, Suspend}, "\x1b[5~\x1b[6~ ": {PageUp, PageDown, PageDown},
		"\x1b[1;5Qs": {Reorder}, "xyz": nil, "\x1b[<0;1;1M": nil, "\x1bq": nil, "\xff\x00": nil,
	} {
		if got, left := Keys([]byte(typed)); !reflect.DeepEqual(got, want) || len(left) > 0 {
			t.Errorf("%q: %v, left %q", typed, got, left)
		}
		// One byte at a time is the same.
		var keys []Key
		var kept []byte
		for i := range len(typed) {
			var some []Key
			some, kept = Keys(append(kept, typed[i]))
			keys = append(keys, some...)
		}
		if !reflect.DeepEqual(keys, want) {
			t.Errorf("%q byte by byte: %v", typed, keys)
		}
	}
	if _, left := Keys([]byte("\x1b[" + strings.Repeat("1", 100))); len(left) > 0 {
		t.Error("a sequence without an end is kept")
	}
}

func TestOrders(t *testing.T) {
	for order, first := range map[string]string{"cpu": "job-with-a-rather-long-name", "memory": "job-with-a-rather-long-name", "psi": "web", "pids": "job-with-a-rather-long-name", "id": "idle"} {
		rows := sampled()
		if Sort(rows, order); rows[0].ID != first {
			t.Errorf("%s: %s", order, rows[0].ID)
		}
	}
	seen := Orders()[0]
	for range Orders() {
		seen = NextOrder(seen)
	}
	if seen != Orders()[0] {
		t.Error(seen)
	}
}
