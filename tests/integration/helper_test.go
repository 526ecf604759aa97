package integration

import (
	"fmt"
	"os"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// helperEnv makes the test binary play another part; see helper.
const helperEnv = "ROOST_TEST_HELPER"

// parts are what the test binary can be besides the tests, on the host or, with playing, in a container.
func parts() map[string]func() error {
	return map[string]func() error{
		"below":   playBelow,
		"keyring": playKeyring,
		"labels":  playLabels,
		"listen":  playListen,
		"notify":  playNotify,
	}
}

// helper is what the test binary does when a test starts it with helperEnv set.
func helper(part string) int {
	play, ok := parts()[part]
	if !ok {
		return 2
	}
	if err := play(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// playing makes the payload a part of the test binary's, which is static.
func playing(t testing.TB, part string, argv ...string) func(*specs.Spec) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return with(bind(self, "/helper", "ro"), func(s *specs.Spec) {
		s.Process.Args = append([]string{"/helper"}, argv...)
		s.Process.Env = append(s.Process.Env, helperEnv+"="+part)
	})
}
