// Package byhand turns the flags of somebody at a keyboard into the configuration that a bundle
// would hold: `roost run [flags] -- CMD` without config.json.
//
// The one rule that bites: what is shown of the host is a list of what may be seen, never "all but".
// A directory that nobody thought of is absent; the caller's home, wherever it lies, is covered.
//
// [Gather] asks the host (the only part that makes system calls), [Build] is pure. Both refuse
// nothing half-way: every problem of the command line comes back in one [Error].
//
// Reading order: options.go, facts.go, build.go, hostview.go, home.go; then what each flag means:
// volume.go, mountflag.go, namespaces.go, user.go, env.go, envfile.go, capabilities.go; image.go
// stands alone.
package byhand
