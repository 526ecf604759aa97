package byhand

import "strings"

// parseMount reads --mount, podman's: comma-separated KEY=VALUE, in quotes where a value has a comma.
func parseMount(v, cwd string) (request, string) {
	fields, bad := splitQuoted(v)
	if bad != "" {
		return request{}, bad
	}
	m := mountFields{}
	for _, field := range fields {
		key, value, hasValue := strings.Cut(field, "=")
		if bad := m.set(key, value, hasValue); bad != "" {
			return request{}, bad
		}
	}
	switch m.kind {
	case "bind":
		return m.bind(cwd)
	case "tmpfs":
		return m.tmpfs()
	case "":
		return request{}, "the type is missing; say type=bind or type=tmpfs"
	}
	return request{}, "type=" + m.kind + " is not supported; there are bind and tmpfs"
}

// mountFields is what --mount said, before it is known what it is about.
type mountFields struct {
	kind, src, dst string
	words          []string // options that both -v and --mount know
	nonrecursive   bool
	tmpfsOnly      []string
}

func (m *mountFields) set(key, value string, hasValue bool) string {
	switch key {
	case "type":
		m.kind = value
	case "src", "source":
		m.src = value
	case "dst", "dest", "destination", "target":
		m.dst = value
	case "ro", "readonly", "rw", "exec", "noexec", "suid", "nosuid", "dev", "nodev":
		return m.setSwitch(key, value, hasValue)
	case "bind-propagation":
		m.words = append(m.words, value)
	case "bind-nonrecursive":
		if hasValue && value != "true" && value != "false" {
			return key + "=" + value + " is neither true nor false"
		}
		m.nonrecursive = value != "false"
	case "relabel":
		switch value {
		case "shared":
			m.words = append(m.words, "z")
		case "private":
			m.words = append(m.words, "Z")
		default:
			return "relabel=" + value + " is neither shared nor private"
		}
	case "tmpfs-size":
		m.tmpfsOnly = append(m.tmpfsOnly, "size="+value)
	case "tmpfs-mode":
		m.tmpfsOnly = append(m.tmpfsOnly, "mode="+value)
	case "U", "chown":
		return "option " + key + " would change the owner of your files on the host; use roost unshare -- chown"
	default:
		return "key " + key + " is unknown or not supported"
	}
	return ""
}

// setSwitch handles ro, ro=true and ro=false, which is rw; noexec=false is exec.
func (m *mountFields) setSwitch(key, value string, hasValue bool) string {
	switch {
	case !hasValue || value == "true":
	case value != "false":
		return key + "=" + value + " is neither true nor false"
	case key == "ro" || key == "readonly":
		key = "rw"
	case key == "rw":
		key = "ro"
	case strings.HasPrefix(key, "no"):
		key = strings.TrimPrefix(key, "no")
	default:
		key = "no" + key
	}
	m.words = append(m.words, key)
	return ""
}

func (m *mountFields) bind(cwd string) (request, string) {
	if len(m.tmpfsOnly) > 0 {
		return request{}, "tmpfs-size and tmpfs-mode go with type=tmpfs"
	}
	// With a key before it, a bare name cannot be meant as a volume.
	if m.src != "" && !strings.Contains(m.src, "/") {
		m.src = "./" + m.src
	}
	src, bad := hostPath(m.src, cwd)
	if bad != "" {
		return request{}, bad
	}
	words := m.words
	if m.nonrecursive {
		words = append(words, "bind")
	}
	r := request{src: src, dst: m.dst}
	r.kind, r.options, bad = bindOptions(words)
	return r, bad
}

func (m *mountFields) tmpfs() (request, string) {
	if m.src != "" {
		return request{}, "type=tmpfs has no source"
	}
	if m.nonrecursive {
		return request{}, "bind-nonrecursive goes with type=bind"
	}
	options, bad := tmpfsOptions(append(m.words, m.tmpfsOnly...))
	return request{kind: "tmpfs", dst: m.dst, options: options}, bad
}

// parseTmpfs reads --tmpfs DST[:OPTIONS].
func parseTmpfs(v, _ string) (request, string) {
	dst, rest, _ := strings.Cut(v, ":")
	var words []string
	if rest != "" {
		words = strings.Split(rest, ",")
	}
	options, bad := tmpfsOptions(words)
	return request{kind: "tmpfs", dst: dst, options: options}, bad
}

// tmpfsOptions: podman's defaults are a world-writable directory without programs, devices and set-user-id.
func tmpfsOptions(words []string) ([]string, string) {
	exec, suid, dev, mode := "noexec", "nosuid", "nodev", "mode=1777"
	var rest []string
	for _, w := range words {
		key, value, hasValue := strings.Cut(w, "=")
		switch {
		case w == "" || w == "rw":
		case w == "ro" || w == "readonly":
			rest = append(rest, "ro")
		case w == "exec" || w == "noexec":
			exec = w
		case w == "suid" || w == "nosuid":
			suid = w
		case w == "dev" || w == "nodev":
			dev = w
		case key == "mode" && hasValue:
			if len(value) == 0 || len(value) > 5 || strings.Trim(value, "01234567") != "" {
				return nil, w + " is not an octal mode such as mode=1777"
			}
			mode = w
		case key == "size" && hasValue:
			if !isSize(value) {
				return nil, w + " is not a size such as size=64m or size=10%"
			}
			rest = append(rest, w)
		case (key == "uid" || key == "gid" || key == "nr_inodes") && value != "" && strings.Trim(value, "0123456789") == "":
			rest = append(rest, w)
		default:
			return nil, "option " + w + " is unknown or not supported; there are size=, mode=, uid=, gid=, nr_inodes=, ro, rw, [no]exec, [no]suid, [no]dev"
		}
	}
	return append([]string{exec, suid, dev, mode}, rest...), ""
}

// isSize: tmpfs(5), digits with k, m, g or % after them.
func isSize(s string) bool {
	digits := strings.TrimRight(s, "kKmMgG%")
	return digits != "" && len(s)-len(digits) <= 1 && strings.Trim(digits, "0123456789") == ""
}

// splitQuoted splits at commas outside quotes. encoding/csv does the same for its price in start-up time.
func splitQuoted(s string) (fields []string, bad string) {
	var field strings.Builder
	quoted := false
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"':
			quoted = !quoted
		case c == ',' && !quoted:
			fields = append(fields, field.String())
			field.Reset()
		default:
			field.WriteByte(c)
		}
	}
	if quoted {
		return nil, "a quote is not closed"
	}
	return append(fields, field.String()), ""
}
