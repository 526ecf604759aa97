// Package probe asks the kernel what this process may do here, by trying it: in a child that dies at once, or by a call that
// cannot succeed and whose errno tells whether the kernel knows it. Nothing is left behind, and no privilege is needed.
//
// The rule that bites: a refusal is not an absence. A seccomp filter answers EPERM or ENOSYS as it likes, and a kernel that
// knows a call may refuse it to this caller. So there are three answers, and versions are never compared.
//
// Reading order: answer.go, place.go (the child), kernel.go, mounts.go.
package probe
