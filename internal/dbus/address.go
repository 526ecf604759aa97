package dbus

import (
	"fmt"
	"strconv"
	"strings"
)

// Address is a Unix socket: a path, or @ and the name of an abstract one.
type Address string

// ParseAddresses reads a list as DBUS_SESSION_BUS_ADDRESS has it: "unix:path=/run/user/1000/bus;unix:abstract=x,guid=…". What
// cannot be used from here (tcp, launchd, autolaunch) is among the errors, each of which names its address.
func ParseAddresses(list string) (addresses []Address, errs []error) {
	for one := range strings.SplitSeq(list, ";") {
		if one == "" {
			continue
		}
		a, err := parseAddress(one)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", one, err))
			continue
		}
		addresses = append(addresses, a)
	}
	return addresses, errs
}

func parseAddress(one string) (Address, error) {
	transport, rest, ok := strings.Cut(one, ":")
	if !ok {
		return "", fmt.Errorf("no transport and no colon in it")
	}
	if transport != "unix" {
		return "", fmt.Errorf("transport %q, where only unix can be used", transport)
	}
	var found Address
	for pair := range strings.SplitSeq(rest, ",") {
		key, value, _ := strings.Cut(pair, "=")
		if key != "path" && key != "abstract" {
			continue // guid= and what may come; dir=, tmpdir= and runtime= are for those who listen
		}
		value, err := unescape(value)
		switch {
		case err != nil:
			return "", err
		case found != "":
			return "", fmt.Errorf("more than one of path= and abstract=")
		case value == "" || strings.IndexByte(value, 0) >= 0:
			return "", fmt.Errorf("%s= is empty, or has a NUL byte in it", key)
		case key == "path" && value[0] != '/':
			return "", fmt.Errorf("path= is not absolute")
		case key == "abstract":
			value = "@" + value
		}
		found = Address(value)
	}
	if found == "" {
		return "", fmt.Errorf("neither path= nor abstract= in it")
	}
	return found, nil
}

// unescape undoes the %XX of a value; bytes that should have been escaped are taken as they are.
func unescape(value string) (string, error) {
	if strings.IndexByte(value, '%') < 0 {
		return value, nil
	}
	b := make([]byte, 0, len(value))
	for i := 0; i < len(value); i++ {
		if value[i] != '%' {
			b = append(b, value[i])
			continue
		}
		if i+3 > len(value) {
			return "", fmt.Errorf("%% without two hexadecimal digits after it")
		}
		n, err := strconv.ParseUint(value[i+1:i+3], 16, 8)
		if err != nil {
			return "", fmt.Errorf("%% without two hexadecimal digits after it")
		}
		b = append(b, byte(n))
		i += 2
	}
	return string(b), nil
}
