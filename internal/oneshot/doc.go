// Package oneshot runs a small program to its end, with files in memory as its standard streams.
//
// The rule that bites: what it says goes to files that cannot grow, never through pipes. So nothing has to be read while it runs, it
// can neither fill our memory nor keep us waiting by holding a pipe open, and nothing but those files of ours is open in it.
package oneshot
