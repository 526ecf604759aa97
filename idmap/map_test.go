package idmap

import (
	"os"
	"strings"
	"testing"
)

func lines(n int) Map {
	m := make(Map, n)
	for i := range m {
		m[i] = Range{uint32(i), uint32(i), 1}
	}
	return m
}

func TestValidate(t *testing.T) {
	long := make(Map, 200)
	for i := range long {
		long[i] = Range{4_000_000_000 + uint32(i)*2, 4_000_000_000 + uint32(i)*2, 1}
	}
	tests := []struct {
		name string
		m    Map
		want string // part of the error; "" is valid
	}{
		{"own id", Map{{0, 1000, 1}}, ""},
		{"all ids", Map{{0, 0, 4294967295}}, ""},
		{"last id", Map{{4294967294, 4294967294, 1}}, ""},
		{"touching", Map{{0, 1000, 1}, {1, 100000, 65536}}, ""},
		{"crossed", Map{{0, 1, 1}, {1, 0, 1}}, ""},
		{"empty", nil, "empty"},
		{"size 0", Map{{0, 1000, 0}}, "size is 0"},
		{"container overflow", Map{{4294967295, 0, 1}}, "pass the last one"},
		{"host overflow", Map{{0, 4294967000, 296}}, "pass the last one"},
		{"wrap around", Map{{2, 0, 4294967295}}, "pass the last one"},
		{"container overlap", Map{{0, 1000, 1}, {0, 100000, 10}}, "container id 0"},
		{"host overlap", Map{{0, 1000, 1}, {1, 990, 20}}, "host id 1000"},
		{"contained", Map{{0, 100000, 100}, {50, 500000, 1}}, "container id 50"},
		{"340 lines", lines(340), ""},
		{"341 lines", lines(341), "341 lines"},
		{"both problems", Map{{0, 0, 0}, {4294967295, 0, 1}}, "line 2"},
	}
	if os.Getpagesize() == 4096 {
		tests = append(tests, struct {
			name string
			m    Map
			want string
		}{"more than a page", long, "takes less than 4096"})
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := test.m.Validate()
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func TestTranslate(t *testing.T) {
	m := Map{{0, 1000, 1}, {1, 100000, 65536}, {4294967000, 4294967000, 295}}
	tests := []struct {
		container, host uint32
		ok              bool
	}{
		{0, 1000, true}, {1, 100000, true}, {65536, 165535, true}, {65537, 0, false},
		{4294967294, 4294967294, true}, {4294967295, 0, false},
	}
	for _, test := range tests {
		host, ok := m.ToHost(test.container)
		if ok != test.ok || ok && host != test.host {
			t.Errorf("ToHost(%d) = %d, %v; want %d, %v", test.container, host, ok, test.host, test.ok)
		}
		if test.ok {
			if back, ok := m.ToContainer(test.host); !ok || back != test.container {
				t.Errorf("ToContainer(%d) = %d, %v; want %d", test.host, back, ok, test.container)
			}
		}
	}
}

func TestCompose(t *testing.T) {
	outer := Map{{0, 1000, 1}, {1, 100000, 65536}, {65537, 300000, 1000}}
	tests := []struct{ inner, want, wrong string }{
		{"0:0:1", "0:1000:1", ""},
		{"0:1:10", "0:100000:10", ""},
		{"0:0:3", "0:1000:1,1:100000:2", ""},
		{"0:65530:10", "0:165529:7,7:300000:3", ""},
		{"5:1:5,10:6:5", "5:100000:10", ""}, // two lines that say the same as one
		{"0:66537:1", "", "id 66537"},
		{"0:66530:8", "", "id 66537"},
	}
	for _, test := range tests {
		m, err := Parse(test.inner)
		if err != nil {
			t.Fatal(err)
		}
		got, err := m.Compose(outer)
		if test.wrong != "" {
			if err == nil || !strings.Contains(err.Error(), test.wrong) {
				t.Errorf("%s: got %v, want an error with %q", test.inner, err, test.wrong)
			}
			continue
		}
		if err != nil || got.String() != test.want {
			t.Errorf("%s: got %s, %v; want %s", test.inner, got, err, test.want)
		}
	}
}

func TestSpecsRoundTrip(t *testing.T) {
	m := Map{{0, 1000, 1}, {1, 100000, 65536}}
	if got := FromSpecs(m.Specs()); got.String() != m.String() {
		t.Errorf("got %s", got)
	}
	if FromSpecs(nil) != nil || Map(nil).Specs() != nil {
		t.Error("an empty map is not nil on the other side")
	}
}
