package notify

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// outside is a container whose pids are 1000 more outside, up to 10 of them, and whose clock is 5 s ahead.
var outside = Outside{
	Pid: func(pid int) (int, bool) { return pid + 1000, pid <= 10 },
	Clock: func(usec uint64) (uint64, bool) {
		return usec - 5e6, usec >= 5e6
	},
}

func TestRewrite(t *testing.T) {
	long := strings.Repeat("x", MaxMessage)
	for _, c := range []struct {
		name, message string
		files         int
		want          string
		withFiles     bool
	}{
		{"ready", "READY=1", 0, "READY=1", false},
		{"as systemd-notify writes it", "READY=1\nSTATUS=all well\n", 0, "READY=1\nSTATUS=all well", false},
		{"the end of a C string", "READY=1\x00", 0, "READY=1", false},
		{"all of a service's life", "READY=1\nRELOADING=1\nSTOPPING=1\nSTATUS=a=b\nERRNO=2\nBUSERROR=org.freedesktop.DBus.Error.TimedOut\nVARLINKERROR=a.b.C\nEXIT_STATUS=3", 0,
			"READY=1\nRELOADING=1\nSTOPPING=1\nSTATUS=a=b\nERRNO=2\nBUSERROR=org.freedesktop.DBus.Error.TimedOut\nVARLINKERROR=a.b.C\nEXIT_STATUS=3", false},
		{"watchdog", "WATCHDOG=1\nWATCHDOG_USEC=2000000\nEXTEND_TIMEOUT_USEC=18446744073709551615", 0, "WATCHDOG=1\nWATCHDOG_USEC=2000000\nEXTEND_TIMEOUT_USEC=18446744073709551615", false},
		{"watchdog trigger", "WATCHDOG=trigger", 0, "WATCHDOG=trigger", false},
		{"a status to clear", "STATUS=", 0, "STATUS=", false},
		{"the clock of the container", "RELOADING=1\nMONOTONIC_USEC=7000000", 0, "RELOADING=1\nMONOTONIC_USEC=2000000", false},
		{"a time before all times", "RELOADING=1\nMONOTONIC_USEC=1", 0, "RELOADING=1", false},
		{"a pid of the container", "MAINPID=7", 0, "MAINPID=1007", false},
		{"not a pid of the container", "READY=1\nMAINPID=11", 0, "READY=1", false},
		{"no pids", "MAINPID=0\nMAINPID=-1\nMAINPID=4294967297\nMAINPID=x\nMAINPID=", 0, "", false},
		{"store", "FDSTORE=1\nFDNAME=web.socket\nFDPOLL=0", 2, "FDSTORE=1\nFDNAME=web.socket\nFDPOLL=0", true},
		{"store nothing", "FDSTORE=1", 0, "FDSTORE=1", false},
		{"remove", "FDSTOREREMOVE=1\nFDNAME=web", 0, "FDSTOREREMOVE=1\nFDNAME=web", false},
		{"a name of descriptors that is none", "FDSTORE=1\nFDNAME=a:b", 1, "FDSTORE=1", true},
		{"descriptors for nothing", "STATUS=x", 3, "STATUS=x", false},
		{"barrier", "BARRIER=1", 1, "BARRIER=1", true},
		{"barrier with a newline", "BARRIER=1\n", 1, "BARRIER=1", true},
		{"barrier of nothing", "BARRIER=1", 0, "", false},
		{"barrier of two", "BARRIER=1", 2, "", false},
		{"barrier and more", "READY=1\nBARRIER=1", 1, "", false},
		{"the first counts", "STATUS=one\nSTATUS=two\nMAINPID=1\nMAINPID=2", 0, "STATUS=one\nMAINPID=1001", false},
		{"unknown", "NOTIFYACCESS=all\nX_A=1\nMAINPIDFD=1\nMAINPIDFDID=7\nREADY=1\nready=1\n=\nREADY\nFOO=BAR", 1, "READY=1", false},
		{"wrong values", "READY=0\nREADY=yes\nWATCHDOG=2\nWATCHDOG_USEC=-1\nEXTEND_TIMEOUT_USEC=1s\nFDPOLL=2\nERRNO=a b\nBUSERROR=a\x1bb\nEXIT_STATUS=", 0, "", false},
		{"a status for a terminal", "STATUS=\x1b[31mred\x07 \u202egnp\xff ä", 0, "STATUS=?[31mred? ?gnp? ä", false},
		{"a NUL in the middle", "READY=1\x00STATUS=x", 0, "", false},
		{"the longest", "STATUS=" + long[len("STATUS="):], 0, "STATUS=" + long[len("STATUS="):], false},
		{"longer", "STATUS=" + long[len("STATUS="):] + "x", 0, "", false},
		{"longer outside", "MAINPID=1\nSTATUS=" + long[len("MAINPID=1\nSTATUS="):], 0, "", false},
		{"empty", "", 0, "", false},
		{"only newlines", "\n\n\n", 1, "", false},
	} {
		got, withFiles := Rewrite(c.message, c.files, outside)
		if got != c.want || withFiles != c.withFiles {
			t.Errorf("%s: %q, descriptors %v; want %q, %v", c.name, got, withFiles, c.want, c.withFiles)
		}
	}
}

// FuzzRewrite: whatever comes in, what goes out is a few lines of known keys that can be shown and that pass again.
func FuzzRewrite(f *testing.F) {
	for _, s := range []string{"READY=1\nSTATUS=x", "BARRIER=1", "MAINPID=1\nFDSTORE=1\nFDNAME=a", "STATUS=\x1b\xff", "RELOADING=1\nMONOTONIC_USEC=9000000", "WATCHDOG=trigger\x00"} {
		f.Add(s, 1)
	}
	known := " READY RELOADING STOPPING MONOTONIC_USEC STATUS ERRNO BUSERROR VARLINKERROR EXIT_STATUS MAINPID WATCHDOG WATCHDOG_USEC EXTEND_TIMEOUT_USEC FDSTORE FDSTOREREMOVE FDNAME FDPOLL BARRIER "
	f.Fuzz(func(t *testing.T, message string, files int) {
		out, withFiles := Rewrite(message, files, outside)
		if len(out) > MaxMessage || !utf8.ValidString(out) || strings.ContainsAny(out, "\x00\x1b\r") {
			t.Fatalf("%q", out)
		}
		if withFiles && (files < 1 || out == "") {
			t.Fatalf("%q passes %d descriptors on", out, files)
		}
		if out == "" {
			return
		}
		seen := map[string]bool{}
		for _, line := range strings.Split(out, "\n") {
			key, _, ok := strings.Cut(line, "=")
			if !ok || seen[key] || !strings.Contains(known, " "+key+" ") {
				t.Fatalf("%q in %q", line, out)
			}
			seen[key] = true
		}
		same := Outside{Pid: func(pid int) (int, bool) { return pid, true }, Clock: func(usec uint64) (uint64, bool) { return usec, true }}
		if again, _ := Rewrite(out, files, same); again != out {
			t.Fatalf("%q becomes %q", out, again)
		}
	})
}
