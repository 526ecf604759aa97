// Package netns moves network devices between network namespaces, by rtnetlink(7).
//
// The one rule that bites: a device that moves is shut down by the kernel, and loses its addresses and routes. [Move] gives
// the addresses back that are there to stay, and brings the device up; routes are whoever's who made them.
//
// Read in this order: move.go (what is done), link.go and address.go (one kind of message each), netlink.go (the protocol),
// enter.go (a socket in another namespace).
package netns
