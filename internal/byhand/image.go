package byhand

import (
	"fmt"
	"strings"
)

// LooksLikeImage says whether an argument that should have been a container id or a directory is rather the
// name of a container image: docker://..., registry/name, name:tag, name@digest, or one of the bare names
// that everybody tries first. The last kind is a valid id too: ask only once it is known that
// neither a bundle nor a container stands behind the argument.
func LooksLikeImage(arg string) bool {
	if transport, _, ok := strings.Cut(arg, ":"); ok && isTransport(transport) {
		return true
	}
	name, digest, hasDigest := strings.Cut(arg, "@")
	if hasDigest && !isDigest(digest) {
		return false
	}
	// The tag's colon comes after the last slash; one before it belongs to the registry's port.
	slash := strings.LastIndexByte(name, '/')
	colon := strings.LastIndexByte(name, ':')
	hasTag := colon > slash
	if hasTag {
		if !isTag(name[colon+1:]) {
			return false
		}
		name = name[:colon]
	}
	if !isRepository(name) {
		return false
	}
	return slash >= 0 || hasTag || hasDigest || isWellKnownImage(name)
}

// isUnmistakable leaves out what may as well be a relative path, build/rootfs.
func isUnmistakable(arg string) bool {
	first, _, hasSlash := strings.Cut(arg, "/")
	return LooksLikeImage(arg) && (!hasSlash || strings.ContainsAny(arg, ":@") || isRegistry(first))
}

// ImageError is what to tell somebody who gave an image reference: roost runs directories, and these are
// the ways to make one.
func ImageError(arg string) error {
	source := arg
	if transport, _, ok := strings.Cut(arg, ":"); !ok || !isTransport(transport) {
		source = "docker://" + arg
	}
	hint := ""
	if isWellKnownImage(arg) {
		hint = "\nIf it is a command that you mean: roost run -- " + arg
	}
	return fmt.Errorf(`%s looks like a container image; roost does not pull images, it runs a directory that holds a root file system. Ways to get one:
  skopeo copy %s oci:image:latest && umoci unpack --rootless --image image:latest bundle && roost run -b bundle ID
  mkdir rootfs && podman export $(podman create %s) | tar -x -C rootfs && roost run --rootfs rootfs -- /bin/sh
  sudo debootstrap stable rootfs && sudo roost run --rootfs rootfs -- /bin/bash
  mmdebstrap --skip=output/dev stable rootfs.tar && mkdir rootfs && roost unshare -- tar -x -C rootfs -f rootfs.tar%s`,
		arg, source, arg, hint)
}

// isTransport has the prefixes of containers-transports(5) that no host name or id would have.
func isTransport(s string) bool {
	switch s {
	case "docker", "docker-archive", "docker-daemon", "oci", "oci-archive", "containers-storage", "ostree", "sif":
		return true
	}
	return false
}

func isWellKnownImage(s string) bool {
	switch s {
	case "almalinux", "alpine", "amazonlinux", "archlinux", "bash", "busybox", "buildpack-deps", "caddy", "centos",
		"debian", "docker", "fedora", "gcc", "golang", "hello-world", "httpd", "kali", "mariadb", "memcached", "mongo",
		"mysql", "nginx", "node", "openjdk", "opensuse", "oraclelinux", "perl", "php", "postgres", "python", "rabbitmq",
		"redis", "registry", "rockylinux", "ruby", "rust", "traefik", "ubi8", "ubi9", "ubuntu", "wordpress":
		return true
	}
	return false
}

// isRepository checks [registry[:port]/]part/part..., in the grammar of the distribution specification. What starts like a
// path (/, ., ~) is none.
func isRepository(s string) bool {
	parts := strings.Split(s, "/")
	if len(parts) > 1 && isRegistry(parts[0]) {
		parts = parts[1:]
	}
	for _, p := range parts {
		if !isPathComponent(p) {
			return false
		}
	}
	return true
}

// isRegistry: a first component with a dot or a port, or localhost; letters may be capitals there.
func isRegistry(s string) bool {
	host, port, hasPort := strings.Cut(s, ":")
	if hasPort && (port == "" || strings.Trim(port, "0123456789") != "") {
		return false
	}
	if host == "" || !hasPort && host != "localhost" && !strings.Contains(host, ".") {
		return false
	}
	return isAlnum(host[0]) && isAlnum(host[len(host)-1]) && all(host, func(c byte) bool { return isAlnum(c) || c == '.' || c == '-' })
}

func isPathComponent(s string) bool {
	lower := func(c byte) bool { return isAlnum(c) && (c < 'A' || c > 'Z') }
	if s == "" || !lower(s[0]) || !lower(s[len(s)-1]) {
		return false
	}
	return all(s, func(c byte) bool { return lower(c) || c == '.' || c == '_' || c == '-' })
}

func isTag(s string) bool {
	if s == "" || len(s) > 128 || s[0] == '.' || s[0] == '-' {
		return false
	}
	return all(s, func(c byte) bool { return isAlnum(c) || c == '.' || c == '_' || c == '-' })
}

func isDigest(s string) bool {
	algorithm, hex, ok := strings.Cut(s, ":")
	return ok && algorithm != "" && len(hex) >= 32 && strings.Trim(hex, "0123456789abcdef") == ""
}

func isAlnum(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

func all(s string, ok func(byte) bool) bool {
	for i := range len(s) {
		if !ok(s[i]) {
			return false
		}
	}
	return true
}
