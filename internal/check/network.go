package check

import (
	"fmt"
	"strconv"
	"strings"
)

// networkFacts is what users may do in the host's network.
type networkFacts struct {
	caller callerFacts
	ports  setting // ip_unprivileged_port_start
	ping   setting // ping_group_range
}

func (h host) networkFacts(c callerFacts) networkFacts {
	return networkFacts{c, h.word("/proc/sys/net/ipv4/ip_unprivileged_port_start"), h.word("/proc/sys/net/ipv4/ping_group_range")}
}

func networkItems(f networkFacts) []Item {
	if f.caller.err == nil && f.caller.privileged() && f.caller.machine {
		return nil
	}
	return []Item{portsItem(f.ports), pingItem(f)}
}

func portsItem(s setting) Item {
	const id = "network.ports"
	first, err := strconv.Atoi(s.value)
	switch {
	case err != nil:
		return note(id, "which ports of the host you may use cannot be told").plus(s)
	case first <= 80:
		return ok(id, fmt.Sprintf("ports from %d on are yours to use", first)).plus(s)
	}
	return note(id, fmt.Sprintf("ports below %d of the host are not yours to publish", first)).plus(s).
		remedy(Admin, "an administrator allows more, for good in /etc/sysctl.d:", "net.ipv4.ip_unprivileged_port_start = 80")
}

func pingItem(f networkFacts) Item {
	const id = "network.ping"
	low, high, found := strings.Cut(strings.ReplaceAll(f.ping.value, "\t", " "), " ")
	first, err1 := strconv.ParseUint(low, 10, 32)
	last, err2 := strconv.ParseUint(strings.TrimSpace(high), 10, 32)
	gid := uint64(f.caller.caller.EGID)
	switch {
	case !found || err1 != nil || err2 != nil:
		return note(id, "whether ping works without privilege cannot be told").plus(f.ping)
	case first <= gid && gid <= last:
		return ok(id, "ping works without privilege").plus(f.ping)
	}
	return note(id, "ping does not work without privilege for your group").plus(f.ping).
		remedy(Admin, "an administrator allows it, for good in /etc/sysctl.d:", "net.ipv4.ping_group_range = 0 2147483647")
}
