package spec

import (
	"maps"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/roost-run/roost/internal/strictjson"
)

const maxDeviceName = 15 // IFNAMSIZ without its NUL

// netDevices checks names as the kernel does (dev_valid_name), before a device of the host is touched.
func (r *report) netDevices(l *specs.Linux) {
	const path = "linux.netDevices"
	if len(l.NetDevices) == 0 {
		return
	}
	if !hasNamespace(l, specs.NetworkNamespace) {
		r.refuse(path, `needs a network namespace; add {"type": "network"} to linux.namespaces, or remove it`)
	}
	becomes := map[string]string{}
	for _, host := range slices.Sorted(maps.Keys(l.NetDevices)) {
		at := strictjson.Member(path, host)
		if text := deviceName(host); text != "" {
			r.refuse(at, text)
		} else if strings.Contains(host, "%") {
			r.refuse(at, quote(host)+" is no name that a device has; name a device of the host")
		}
		name := l.NetDevices[host].Name
		switch {
		case name == "":
			name = host
		case deviceName(name) != "":
			r.refuse(at+".name", deviceName(name))
		case isTemplate(name):
			continue // the kernel finds a number for it (config-linux.md)
		case strings.Contains(name, "%"):
			r.refuse(at+".name", quote(name)+" is no name that a device can have; one %d is for the kernel to put a number")
		}
		if other, taken := becomes[name]; taken {
			r.refuse(at+".name", quote(name)+" is what "+quote(other)+" becomes, too; give another name")
		}
		becomes[name] = host
	}
}

func isTemplate(name string) bool {
	return strings.Count(name, "%") == 1 && strings.Contains(name, "%d")
}

// deviceName says what is wrong with a name.
func deviceName(name string) string {
	switch {
	case name == "":
		return "a name is empty; name a network device"
	case len(name) > maxDeviceName:
		return quote(name) + " is longer than 15 bytes, the most that a network device's name can have"
	case name == ".", name == "..", slices.ContainsFunc([]byte(name), notInDeviceName):
		return quote(name) + " is no name of a network device; they have no space, no / and no :"
	case name == "lo":
		return "every network namespace has its own lo; name another device"
	}
	return ""
}

// notInDeviceName is by bytes, as the kernel looks at them: 0xa0 is a space to it, even as a part of à.
func notInDeviceName(c byte) bool {
	return c <= ' ' && (c == 0 || c == ' ' || c >= '\t' && c <= '\r') || c == '/' || c == ':' || c == 0xa0
}
