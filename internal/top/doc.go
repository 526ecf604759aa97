// Package top makes a table of what containers use, out of counters that are read now and then, and draws it. It knows neither containers
// nor terminals: figures come in, lines of text go out, and what keys mean.
//
// The rule that bites: whatever comes from a container, its id included, is somebody else's text on the user's terminal, and goes through
// plain, which leaves nothing of a control character.
//
// Reading order: meter.go (counters to rates and histories), sort.go, columns.go, bar.go and size.go (the cells), draw.go (the screen), lines.go (without one),
// key.go.
package top
