// Package terminal is the caller's side of a foreground container: the mode of the caller's terminal, the relay between
// it and the container's, the forwarding of signals, and handing a terminal to a console socket.
// It knows terminals and signals, and nothing of containers.
//
// The rule that bites: standard input and output belong to an open file description that is shared with the shell and
// whoever else holds it. So the relay never makes them non-blocking, but asks poll(2) before each read and write; only
// the master of the container's terminal, which is ours alone, is non-blocking and waits in Go's poller.
//
// A foreground command puts the parts together like this, in this order:
//
//	signals := terminal.Catch()            // first: it works while the configuration is read
//	defer signals.Stop()                   // last: the terminal's mode comes back
//	signals.Ready()                        // before the process may start: nothing is lost from here on
//	…start it…
//	signals.Raw(os.Stdin)                  // with a terminal: the keys belong to the container now
//	relay, err := terminal.Start(master, os.Stdin, os.Stdout)
//	signals.Forward(process.Signal, relay.Resize)
//	…wait for it…
//	ctx = signals.Gone(ctx)                // a signal now ends what we still do, not the process
//	relay.Finish(ctx)                      // its last words
//
// docs/terminals.md says what a user can rely on.
//
// Read: ioctl.go, raw.go; relay.go, output.go, input.go, wake.go; signals.go, catch.go, suspend.go; console.go.
package terminal
