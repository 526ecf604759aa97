// Package notify passes messages of sd_notify(3) on, from processes that are not trusted to a service manager that acts on them.
//
// A message is up to 4096 bytes of KEY=VALUE lines, and descriptors. [Rewrite] decides what of it goes on: the keys that are known
// and do no harm, with pids and times as they are outside; everything else is dropped. [Relay] does so for all that comes in at a
// socket of its own, one after the other, so the order stays.
//
// The rule that bites: the service manager looks at who sends. With NotifyAccess=main, the default, it hears only the service's
// main process, which is ours. Were it told that a process of the container is the main one, it would not listen to us any more.
// So that name is never passed on for the process that we stand for.
//
// Read address.go, rewrite.go, relay.go, pids.go, clock.go.
package notify
