package idmap

import (
	"os"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	tests := []struct{ text, want, wrong string }{
		{"0:1000:1", "0:1000:1", ""},
		{"0:1000:1,1:100000:65536", "0:1000:1,1:100000:65536", ""},
		{"00:01000:1", "0:1000:1", ""},
		{"", "", "empty"},
		{"0:1000", "", "2 fields"},
		{"0:1000:1:1", "", "4 fields"},
		{"0:1000:1,", "", "1 fields"},
		{"0:-1:1", "", `"-1" is not a number`},
		{"0:+1:1", "", `"+1" is not a number`},
		{"0: 1:1", "", `" 1" is not a number`},
		{"0:0x10:1", "", `"0x10" is not a number`},
		{"0:4294967296:1", "", "not a number from 0"},
		{"0:1000:0", "", "size is 0"},
		{"0:1000:1,0:2000:1", "", "overlap"},
		{strings.Repeat("0:1000:1,", 10_000), "", "90000 bytes"},
	}
	for _, test := range tests {
		m, err := Parse(test.text)
		switch {
		case test.wrong != "" && (err == nil || !strings.Contains(err.Error(), test.wrong)):
			t.Errorf("%.40q: got %v, want an error with %q", test.text, err, test.wrong)
		case test.wrong == "" && (err != nil || m.String() != test.want):
			t.Errorf("%.40q: got %s, %v", test.text, m, err)
		}
	}
}

func TestParseMapping(t *testing.T) {
	tests := []struct{ text, want, wrong string }{
		{"0:1000:1", "0:1000:1;0:1000:1", ""},
		{"0:1000:1;0:100:1", "0:1000:1;0:100:1", ""},
		{"0:1000:1;", "", "groups: id map is empty"},
		{";0:1000:1", "", "users: id map is empty"},
		{"0:1:1;0:1:1;0:1:1", "", "groups:"},
	}
	for _, test := range tests {
		m, err := ParseMapping(test.text)
		switch {
		case test.wrong != "" && (err == nil || !strings.Contains(err.Error(), test.wrong)):
			t.Errorf("%q: got %v, want an error with %q", test.text, err, test.wrong)
		case test.wrong == "" && (err != nil || m.String() != test.want):
			t.Errorf("%q: got %s, %v", test.text, m, err)
		}
	}
}

func TestParseMappingCopies(t *testing.T) {
	m, err := ParseMapping("0:1000:1")
	if err != nil {
		t.Fatal(err)
	}
	m.UIDs[0].HostID = 5
	if m.GIDs[0].HostID != 1000 {
		t.Error("users and groups share their lines")
	}
}

func TestParseKernelReadsOurOwn(t *testing.T) {
	data, err := os.ReadFile("/proc/self/uid_map")
	if err != nil {
		t.Fatal(err)
	}
	m, err := ParseKernel(string(data))
	if err != nil || len(m) == 0 {
		t.Fatalf("%q: got %v, %v", data, m, err)
	}
	again, err := ParseKernel(m.Kernel())
	if err != nil || again.String() != m.String() {
		t.Errorf("%q: got %s, %v", m.Kernel(), again, err)
	}
	if empty, err := ParseKernel(""); err != nil || empty != nil {
		t.Errorf("an unwritten map: got %v, %v", empty, err)
	}
}
