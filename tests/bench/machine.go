package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// machine is where and when the numbers come from.
type machine struct {
	processor string
	cores     int
	kernel    string
	system    string
	date      string
	user      string
	load      string // the load average of the minute before: how quiet the machine was
}

func thisMachine() machine {
	var name unix.Utsname
	_ = unix.Uname(&name) // cannot fail with a valid pointer
	who := "an ordinary user"
	if os.Getuid() == 0 {
		who = "root"
	}
	loadavg, _ := os.ReadFile("/proc/loadavg")
	load, _, _ := strings.Cut(string(loadavg), " ")
	return machine{
		load:      load,
		processor: field("/proc/cpuinfo", "model name", ":", runtime.GOARCH),
		cores:     runtime.NumCPU(),
		kernel:    unix.ByteSliceToString(name.Release[:]),
		system:    strings.Trim(field("/etc/os-release", "PRETTY_NAME", "=", "Linux"), `"`),
		date:      time.Now().UTC().Format("2006-01-02"),
		user:      who,
	}
}

// field is the value after key and separator in a text file, or otherwise.
func field(path, key, separator, otherwise string) string {
	text, _ := os.ReadFile(path)
	for line := range strings.Lines(string(text)) {
		name, value, found := strings.Cut(line, separator)
		if found && strings.TrimSpace(name) == key {
			return strings.TrimSpace(value)
		}
	}
	return otherwise
}

func (m machine) String() string {
	return fmt.Sprintf("%s, %d cores, Linux %s, %s, %s, load %s before, %s", m.processor, m.cores, m.kernel, m.system, m.user, m.load, m.date)
}
