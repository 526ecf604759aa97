// Package fault gives errors what a program can read of them: a stable code, and the remedy apart from the sentence that ends with it.
//
// Codes are promises: docs/errors.md lists them, and a test holds the two together. The outermost code and the outermost remedy
// of a chain count, since who wraps knows more than who was wrapped; [Default] leaves a code alone that is there already.
//
// Read code.go, fault.go.
package fault
