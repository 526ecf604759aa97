// Package validation holds roost against runc by the validation suite of the OCI runtime-tools, at the version that
// go.mod names. It is a module of its own, so that roost itself depends on nothing of it.
//
// The suite is old and not clean anywhere: half of it looks into cgroup v1, and some of its programs cannot succeed. So it
// is a differential oracle, file by file and point by point: nothing that runc passes may fail with roost.
//
// Each program runs in a mount namespace of its own, since one of them leaks mounts. Root only.
package validation
