package delegate

import (
	"strconv"
	"strings"
)

// ioProperties are those of io.weight ("default 100", "8:0 50"), io.max ("8:0 rbps=1048576 wiops=max") and io.latency
// ("8:0 target=1000"), of one device a line. Devices are named by the links that udev makes for their numbers.
func ioProperties(file, value string) (props []Property) {
	for line := range strings.SplitSeq(value, "\n") {
		f := strings.Fields(line)
		switch {
		case len(f) == 0:
		case file == "io.weight":
			props = weight(props, f)
		default:
			for _, pair := range f[1:] {
				key, text, _ := strings.Cut(pair, "=")
				if name, since := ioName(key); name != "" {
					props = perDevice(props, name, since, f[0], text)
				}
			}
		}
	}
	return props
}

func weight(props []Property, f []string) []Property {
	if f[0] != "default" && len(f) == 2 {
		return perDevice(props, "IODeviceWeight", 230, f[0], f[1])
	}
	if n, ok := size(f[len(f)-1]); ok {
		props = put(props, Property{Name: "IOWeight", Signature: "t", Value: n, Since: 230})
	}
	return props
}

func ioName(key string) (name string, since int) {
	switch key {
	case "rbps":
		return "IOReadBandwidthMax", 230
	case "wbps":
		return "IOWriteBandwidthMax", 230
	case "riops":
		return "IOReadIOPSMax", 230
	case "wiops":
		return "IOWriteIOPSMax", 230
	case "target":
		return "IODeviceLatencyTargetUSec", 240
	}
	return "", 0
}

// perDevice adds a device to a property of type a(st).
func perDevice(props []Property, name string, since int, device, text string) []Property {
	n, ok := size(text)
	if !ok || !isDevice(device) {
		return props
	}
	pair := []any{"/dev/block/" + device, n}
	for i := range props {
		if props[i].Name == name {
			props[i].Value = append(props[i].Value.([]any), pair)
			return props
		}
	}
	return append(props, Property{Name: name, Signature: "a(st)", Value: []any{pair}, Since: since})
}

func isDevice(text string) bool {
	major, minor, ok := strings.Cut(text, ":")
	_, err1 := strconv.ParseUint(major, 10, 32)
	_, err2 := strconv.ParseUint(minor, 10, 32)
	return ok && err1 == nil && err2 == nil
}
