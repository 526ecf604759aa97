package main

import "testing"

func TestListenFDs(t *testing.T) {
	for _, c := range []struct {
		count, pid string
		want       int
		wrong      bool
	}{
		{"", "", 0, false}, {"", "7", 0, false}, {"", "nobody", 0, false},
		{"2", "7", 2, false}, {"2", "", 2, false}, {"0", "7", 0, false},
		{"2", "8", 0, false},     // meant for another
		{"words", "8", 0, false}, // and none of our business
		{"words", "7", 0, true}, {"-1", "7", 0, true}, {"70000", "7", 0, true}, {"99999999999999999999", "", 0, true}, {" 2", "7", 0, true},
		{"2", "0", 0, true}, {"2", "-7", 0, true}, {"2", "x", 0, true},
	} {
		got, err := listenFDs(c.count, c.pid, 7)
		if got != c.want || (err != nil) != c.wrong {
			t.Errorf("LISTEN_FDS=%q LISTEN_PID=%q: %d, %v", c.count, c.pid, got, err)
		}
	}
}
