package idmap

import (
	"os"
	"testing"
)

func TestShapes(t *testing.T) {
	type ranges = []SubRange
	full := ranges{{100000, 65536}}
	tests := []struct {
		name       string
		own        uint32
		sub        []SubRange
		auto, keep string
		left       uint64 // by either
	}{
		{"none", 1000, nil, "0:1000:1", "1000:1000:1", 0},
		{"one", 1000, full, "0:1000:1,1:100000:65536", "1000:1000:1,0:100000:1000,1001:101000:64536", 0},
		{"two", 1000, ranges{{100000, 500}, {300000, 1000}},
			"0:1000:1,1:100000:500,501:300000:1000", "1000:1000:1,0:100000:500,500:300000:500,1001:300500:500", 0},
		{"neighbours become one", 1000, ranges{{100000, 500}, {100500, 500}}, "0:1000:1,1:100000:1000", "1000:1000:1,0:100000:1000", 0},
		{"fewer than own", 1000, ranges{{100000, 10}}, "0:1000:1,1:100000:10", "1000:1000:1,0:100000:10", 0},
		{"root", 0, full, "0:0:1,1:100000:65536", "0:0:1,1:100000:65536", 0},
		{"granted twice", 1000, ranges{{100000, 10}, {100000, 10}}, "0:1000:1,1:100000:10", "1000:1000:1,0:100000:10", 0},
		{"overlapping", 1000, ranges{{100000, 10}, {99995, 20}},
			"0:1000:1,1:100000:10,11:99995:5,16:100010:5", "1000:1000:1,0:100000:10,10:99995:5,15:100010:5", 0},
		{"own id inside", 1000, ranges{{998, 5}}, "0:1000:1,1:998:2,3:1001:2", "1000:1000:1,0:998:2,2:1001:2", 0},
		{"past the end", 1000, ranges{{4294967290, 100}}, "0:1000:1", "1000:1000:1", 0},
		{"more ids than there are", 0, ranges{{1, 4294967294}}, "0:0:4294967295", "0:0:1,1:1:4294967294", 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			auto, left := Auto(test.own, test.sub)
			if got := auto.String(); got != test.auto || left != test.left {
				t.Errorf("auto: got %s, %d left; want %s, %d", got, left, test.auto, test.left)
			}
			keep, left := KeepID(test.own, test.sub)
			if got := keep.String(); got != test.keep || left != test.left {
				t.Errorf("keep-id: got %s, %d left; want %s, %d", got, left, test.keep, test.left)
			}
		})
	}
}

// Grants in more pieces than a map has lines: what fits is mapped, the own id
// always, the rest is counted.
func TestShapesFit(t *testing.T) {
	var sub []SubRange
	for i := range uint32(1000) {
		sub = append(sub, SubRange{100000 + 20*i, 10})
	}
	for name, shape := range map[string]func(uint32, []SubRange) (Map, uint64){"auto": Auto, "keep-id": KeepID} {
		m, left := shape(60000, sub)
		if err := m.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, ok := m.ToContainer(60000); !ok {
			t.Errorf("%s: own id is not mapped", name)
		}
		if want := uint64(10 * (1000 - (len(m) - 1))); left != want || len(m) < 100 {
			t.Errorf("%s: %d lines, %d ids left out; want %d", name, len(m), left, want)
		}
	}
	if os.Getpagesize() > 4096 {
		t.Log("the page is larger than 4096 bytes: the number of lines was the limit")
	}
}

func TestWithinAndLacking(t *testing.T) {
	container := Map{{0, 100000, 65536}}
	tests := []struct {
		ranges []SubRange
		want   string
	}{
		{[]SubRange{{100000, 65536}}, "none"},
		{[]SubRange{{60000, 65536}}, "60000-65535"},
		{[]SubRange{{1000, 10}, {65535, 2}}, "1000-1009, 65535"},
	}
	for _, test := range tests {
		if got := describe(Within(test.ranges, container)); got != test.want {
			t.Errorf("within %v: got %s, want %s", test.ranges, got, test.want)
		}
	}
	m := Map{{0, 1000, 1}, {1, 99990, 20}}
	if got := describe(m.Lacking([]SubRange{{1000, 1}, {100000, 5}, {100005, 100}})); got != "99990-99999" {
		t.Errorf("lacking: got %s", got)
	}
}
