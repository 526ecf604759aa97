// Roost runs OCI containers, first of all for people without root.
//
// This package turns a command line into one call of package runtime, and the result into the words, JSON shapes and
// exit statuses that callers written for runc rely on. Each command has a file of its own name; what several share:
//
//	main.go, app.go    start, dispatch, exit status
//	global.go          flags before the command, the state root
//	log.go, report.go  --log, --log-format, the fatal record
//	commands.go        the table of commands
//	wiring.go          flags that say how a process is wired to its caller
//	foreground.go      signals, terminal and exit status of a process that is waited for
//	byhand.go          containers without a bundle
//	process.go         the process of an exec
//
// The rule that bites: everything imported here is paid for at each start, so nothing runs at package level, and
// GODEBUG=inittrace=1 is looked at when an import is added.
package main
