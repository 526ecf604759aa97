package main

import (
	"os"
	"strconv"

	"github.com/roost-run/roost/runtime"
)

// serviceManager is what the environment says of one that wants to hear from us, sd_notify(3) and sd_watchdog_enabled(3).
func serviceManager(getenv func(string) string, own int, relay bool) runtime.Notify {
	n := runtime.Notify{Socket: getenv("NOTIFY_SOCKET"), Relay: relay}
	if n.Socket == "" {
		return runtime.Notify{}
	}
	usec, err := strconv.ParseUint(getenv("WATCHDOG_USEC"), 10, 64)
	pid := getenv("WATCHDOG_PID")
	if err == nil && usec > 0 && (pid == "" || pid == strconv.Itoa(own)) {
		n.Watchdog = strconv.FormatUint(usec, 10)
	}
	return n
}

// notifier is the service manager of this process.
func notifier(relay bool) runtime.Notify { return serviceManager(os.Getenv, os.Getpid(), relay) }
