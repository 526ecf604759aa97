package byhand

import (
	"fmt"
	"slices"
	"strings"
)

// environment is built from nothing, as podman does, not inherited: tokens and agent sockets live in environments.
// Later wins: the defaults, each --env-file, each -e.
func environment(o Options, f Facts, home string, ps *problems) []string {
	env := defaultEnv(o, f, home)
	for _, file := range o.EnvFiles {
		env = mergeEnv(env, expandEnv(f.EnvFiles[file], f.Environ))
	}
	for _, e := range o.Env {
		if bad := badEnv(e); bad != "" {
			ps.add("-e", "%s", bad)
		}
	}
	return mergeEnv(env, expandEnv(o.Env, f.Environ))
}

// defaultEnv: PATH, the host name, who we are (container=, which systemd and many scripts look at), and TERM with a terminal.
// The copy of the host has the host's programs and locales, so it gets the rest of its PATH and its locale too; a root
// file system of its own may have neither. HOME is left to the passwd file there. USER is not set: who one is depends on
// the map, and programs that care ask for their uid.
func defaultEnv(o Options, f Facts, home string) []string {
	search := defaultPath
	if o.Rootfs == "" {
		search = searchPath(f, home)
	}
	env := []string{"PATH=" + search, "container=roost"}
	var none problems // reported where the host name is set
	if name := hostname(o, &none); name != "" {
		env = append(env, "HOSTNAME="+name)
	}
	if home != "" {
		env = append(env, "HOME="+home)
	}
	if o.TTY {
		term, ok := lookup(f.Environ, "TERM")
		if !ok || term == "" {
			term = "xterm"
		}
		env = append(env, "TERM="+term)
	}
	if o.Rootfs == "" {
		env = append(env, expandEnv([]string{"LANG", "LANGUAGE", "LC_*", "TZ"}, f.Environ)...)
	}
	return env
}

// ResolveEnv reads the values of -e against the caller's environment: KEY=VALUE stays, KEY becomes KEY=VALUE if
// the caller has it and is left out if not, PREFIX* is all of the caller's that match. `roost exec -e` means the
// same. The error is an *[Error] that names every bad value.
func ResolveEnv(values, environ []string) ([]string, error) {
	var ps problems
	for _, v := range values {
		if bad := badEnv(v); bad != "" {
			ps.add("-e", "%s", bad)
		}
	}
	if err := ps.err(); err != nil {
		return nil, err
	}
	return expandEnv(values, environ), nil
}

func expandEnv(values, environ []string) []string {
	var out []string
	for _, v := range values {
		if strings.Contains(v, "=") {
			out = append(out, v)
			continue
		}
		if prefix, ok := strings.CutSuffix(v, "*"); ok {
			for _, e := range environ {
				// An exported shell function (BASH_FUNC_x%%=() {...}) is no variable that anybody asked for.
				if strings.HasPrefix(e, prefix) && badEnv(e) == "" && !strings.HasPrefix(e, "BASH_FUNC_") {
					out = append(out, e)
				}
			}
			continue
		}
		if value, ok := lookup(environ, v); ok {
			out = append(out, v+"="+value)
		}
	}
	return out
}

// badEnv says what is wrong with KEY, KEY=VALUE or PREFIX*; the value itself is not repeated, it may be a secret.
func badEnv(e string) string {
	key, value, _ := strings.Cut(e, "=")
	switch {
	case key == "":
		return "a variable without a name; write KEY=VALUE, or KEY for the value that it has here"
	case strings.ContainsAny(key, " \t\n"):
		return fmt.Sprintf("the name %q has white space in it", key)
	case strings.ContainsRune(key, 0) || strings.ContainsRune(value, 0):
		return fmt.Sprintf("variable %q has a NUL byte in it, which no environment can hold", key)
	}
	return ""
}

// mergeEnv keeps the place of a variable that is set again: getenv(3) would find the first of two.
func mergeEnv(env, more []string) []string {
	for _, e := range more {
		key, _, _ := strings.Cut(e, "=")
		at := slices.IndexFunc(env, func(have string) bool { return strings.HasPrefix(have, key+"=") })
		if at >= 0 {
			env[at] = e
		} else {
			env = append(env, e)
		}
	}
	return env
}

func lookup(environ []string, key string) (string, bool) {
	for _, e := range environ {
		if value, ok := strings.CutPrefix(e, key+"="); ok {
			return value, true
		}
	}
	return "", false
}

// searchPath is the default, then those entries of the caller's PATH that the copy shows: /usr/games, /opt/x/bin.
func searchPath(f Facts, home string) string {
	dirs := strings.Split(defaultPath, ":")
	callers, _ := lookup(f.Environ, "PATH")
	for _, d := range strings.Split(callers, ":") {
		if isShown(f, d) && !slices.Contains(dirs, d) && !within(d, home) {
			dirs = append(dirs, d)
		}
	}
	return strings.Join(dirs, ":")
}
