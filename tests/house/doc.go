// Package house tests the tree itself: which package may import which, that files stay small and packages documented,
// that builds are static and reproducible for every architecture, that `make install` puts things where it says.
package house
