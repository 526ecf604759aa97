// Package degrade decides what becomes of a thing that a container asks for and cannot have here: an error, a warning, or a
// line in the container's state. See docs/degrading.md.
//
// Nothing disappears silently: whatever the policy, what was given up is listed. A policy only says whether the container
// runs without it, and whether that is said aloud.
package degrade
