package house

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What engines are told names the place where roost is installed.
func TestInstallEngines(t *testing.T) {
	writable(t)
	dir := t.TempDir()
	run(t, nil, "make", "--no-print-directory", "install", "DESTDIR="+dir, "PREFIX=/opt/roost")
	for file, line := range map[string]string{
		"engines/containers.conf":    `roost = ["/opt/roost/bin/roost"]`,
		"engines/containerd.toml":    `BinaryName = '/opt/roost/bin/roost'`,
		"engines/containerd-1.toml":  `BinaryName = "/opt/roost/bin/roost"`,
		"engines/docker-daemon.json": `"path": "/opt/roost/bin/roost"`,
		"engines/crio.conf":          `runtime_path = "/opt/roost/bin/roost"`,
		"engines/runtimeclass.yaml":  "handler: roost",
		"apparmor/roost":             `profile roost "/opt/roost/bin/roost"`,
	} {
		raw, err := os.ReadFile(filepath.Join(dir, "opt/roost/share/roost", file))
		if err != nil {
			t.Error(err)
		} else if !strings.Contains(string(raw), line) || strings.Contains(string(raw), "@BINDIR@") {
			t.Errorf("%s does not say %s, or has a placeholder:\n%s", file, line, raw)
		}
	}
}
