// Package dbus speaks as much of D-Bus as it takes to ask a service manager for a unit: method calls with descriptors, their
// replies, signals. It is a client alone, without goroutines, reflection or package net, since it is linked into every start.
//
// A connection is used by one goroutine. Calls are pipelined: [Conn.Send] only queues, so authentication, Hello and whatever
// follows leave in one write, and replies are asked for with [Conn.Reply] when somebody needs them.
//
// The rule that bites: whoever listens on the other side may be stopped, so nothing here waits without a context, and whatever
// a context ends takes the connection with it: what had been sent by then nobody knows.
//
// Source: the D-Bus Specification 0.43. Reading order: address.go, conn.go, auth.go, call.go, message.go, encode.go, decode.go.
package dbus
