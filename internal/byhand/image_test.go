package byhand

import (
	"strings"
	"testing"
)

func TestLooksLikeImage(t *testing.T) {
	for _, arg := range []string{
		"alpine", "ubuntu", "alpine:3", "alpine:3.20", "docker.io/library/alpine", "docker.io/library/alpine:latest", "quay.io/podman/hello",
		"ghcr.io/a/b_c/d-e:v1.2-rc.1", "localhost/x", "localhost:5000/x", "registry.example.com:5000/a/b", "library/alpine", "me/app",
		"docker://alpine", "docker://docker.io/library/alpine:3", "oci:dir:tag", "docker-archive:/x.tar", "containers-storage:x",
		"alpine@sha256:" + strings.Repeat("a", 64), "Registry.Example.com/x", "myapp:latest",
	} {
		if !LooksLikeImage(arg) {
			t.Errorf("%q is not taken for an image", arg)
		}
	}
	for _, arg := range []string{
		"", "c1", "my-container", "web_1", "a.b.c", "alpine1", "alpine-test", "Alpine", "foo", "test+1", "9f8e7d6c5b4a",
		"/rootfs", "./rootfs", "../x", "~/x", "/usr/bin/alpine", "a//b", "a/", "/", ".", "..", "-", ":", "@", "a:", ":tag", "a b", "a:b c",
		"Foo:bar", "name:-x", "x@y", "x@sha256:zz", "http://x", "foo:bar:baz", "a/../b", strings.Repeat("a", 300), "a\x00b", "host:port/x",
	} {
		if LooksLikeImage(arg) {
			t.Errorf("%q is taken for an image", arg)
		}
	}
}

func TestIsUnmistakable(t *testing.T) {
	for arg, want := range map[string]bool{"build/rootfs": false, "alpine": true, "alpine:3": true, "docker.io/a": true, "me/app:1": true, "rootfs": false} {
		if isUnmistakable(arg) != want {
			t.Errorf("%s: %v", arg, !want)
		}
	}
}

func TestImageError(t *testing.T) {
	for arg, want := range map[string]string{"alpine:3": "skopeo copy docker://alpine:3 ", "docker://alpine": "skopeo copy docker://alpine ", "oci:x:y": "skopeo copy oci:x:y "} {
		text := ImageError(arg).Error()
		for _, w := range []string{want, "umoci unpack", "podman export $(podman create " + arg + ")", "debootstrap"} {
			if !strings.Contains(text, w) {
				t.Errorf("%q is not in:\n%s", w, text)
			}
		}
	}
	if text := ImageError("bash").Error(); !strings.HasSuffix(text, "roost run -- bash") {
		t.Errorf("no hint that bash is a command too:\n%s", text)
	}
}
