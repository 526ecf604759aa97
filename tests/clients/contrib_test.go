package clients

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// contrib is a file of contrib/engines as `make install` writes it: with the path of the runtime filled in.
func contrib(name, runtime string) (string, error) {
	dir := os.Getenv("ROOST_TEST_CONTRIB")
	if dir == "" {
		dir = "../../contrib"
	}
	raw, err := os.ReadFile(filepath.Join(dir, "engines", name))
	return strings.ReplaceAll(string(raw), "@BINDIR@/roost", runtime), err
}

// Docker's daemon is not driven here (its package is a daemon for the whole machine); what it reads has to be JSON.
func TestContribDockerDaemon(t *testing.T) {
	text, err := contrib("docker-daemon.json", "/opt/roost")
	if err != nil {
		t.Fatal(err)
	}
	var daemon struct {
		Runtimes map[string]struct{ Path string }
	}
	if err := json.Unmarshal([]byte(text), &daemon); err != nil {
		t.Fatal(err)
	}
	if got := daemon.Runtimes["roost"].Path; got != "/opt/roost" {
		t.Errorf("the runtime is %q", got)
	}
}
