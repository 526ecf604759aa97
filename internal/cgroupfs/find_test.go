package cgroupfs

import "testing"

func TestOnlyTheLineOfVersionTwoCounts(t *testing.T) {
	for text, want := range map[string]string{
		"0::/\n":                         "/",
		"0::/user.slice/a.scope\n":       "/user.slice/a.scope",
		"1:name=systemd:/x\n0::/y\n":     "/y",
		"12:pids:/docker/0::/x\n0::/z\n": "/z",
		"0::/../..\n":                    "/../..",
		"0::/../other\n":                 "/../other",
		"0::/a (deleted)\n":              "/a",
		"0::/..a\n":                      "/..a",
	} {
		if got, err := parse(text); err != nil || got != want {
			t.Errorf("%q: %q %v, want %q", text, got, err, want)
		}
	}
	for _, text := range []string{"", "1:name=systemd:/\n", "4:memory:/a\n"} {
		if got, err := parse(text); err == nil {
			t.Errorf("%q: %q", text, got)
		}
	}
}
