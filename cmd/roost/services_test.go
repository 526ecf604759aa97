package main

import (
	"testing"

	"github.com/roost-run/roost/runtime"
)

func TestServiceManager(t *testing.T) {
	for _, c := range []struct {
		name string
		env  map[string]string
		want runtime.Notify
	}{
		{"none", map[string]string{"WATCHDOG_USEC": "5", "WATCHDOG_PID": "7"}, runtime.Notify{}},
		{"one", map[string]string{"NOTIFY_SOCKET": "@a"}, runtime.Notify{Socket: "@a", Relay: true}},
		{"with a watchdog", map[string]string{"NOTIFY_SOCKET": "/a", "WATCHDOG_USEC": "5", "WATCHDOG_PID": "7"}, runtime.Notify{Socket: "/a", Relay: true, Watchdog: "5"}},
		{"for whom it may concern", map[string]string{"NOTIFY_SOCKET": "/a", "WATCHDOG_USEC": "5"}, runtime.Notify{Socket: "/a", Relay: true, Watchdog: "5"}},
		{"for another", map[string]string{"NOTIFY_SOCKET": "/a", "WATCHDOG_USEC": "5", "WATCHDOG_PID": "8"}, runtime.Notify{Socket: "/a", Relay: true}},
		{"that means nothing", map[string]string{"NOTIFY_SOCKET": "/a", "WATCHDOG_USEC": "5 s"}, runtime.Notify{Socket: "/a", Relay: true}},
		{"switched off", map[string]string{"NOTIFY_SOCKET": "/a", "WATCHDOG_USEC": "0"}, runtime.Notify{Socket: "/a", Relay: true}},
	} {
		if got := serviceManager(func(name string) string { return c.env[name] }, 7, true); got != c.want {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
}
