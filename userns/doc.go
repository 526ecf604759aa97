// Package userns decides which user namespace a container runs in and who
// writes its id maps, writes them, and says what forbids a user namespace where the
// kernel refuses one.
//
// The rule that bites: privilege is a question about the caller's own user
// namespace, never about uid 0. Root inside podman's or a pod's namespace is
// privileged there and needs nothing made; uid 0 whose capabilities were dropped
// needs a namespace like any user. Self asks the capabilities, once, and Choose
// goes by them alone.
//
// Reading order: caller.go (who asks), choose.go (where the namespace comes
// from), shape.go (auto, single, keep-id), writer.go (who writes the maps),
// join.go (a namespace that exists), refused.go and switches.go (what
// forbids one).
package userns
