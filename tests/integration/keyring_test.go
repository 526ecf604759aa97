package integration

import (
	"fmt"
	"os"
	goruntime "runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// playKeyring says which session keyring it has, and how that is described; with an argument it then waits.
func playKeyring() error {
	ring, err := unix.KeyctlGetKeyringID(unix.KEY_SPEC_SESSION_KEYRING, false)
	if err != nil {
		return err
	}
	text, err := unix.KeyctlString(unix.KEYCTL_DESCRIBE, ring)
	if err != nil {
		return err
	}
	fmt.Println(ring, text)
	if len(os.Args) > 1 {
		time.Sleep(time.Hour)
	}
	return nil
}

// A container has a session keyring of its own, with runc's name, and processes of exec join that one.
func TestSessionKeyring(t *testing.T) {
	if _, err := unix.KeyctlGetKeyringID(unix.KEY_SPEC_USER_KEYRING, false); err != nil {
		t.Skipf("keyrings: %v", err)
	}
	ring := func(flags ...string) (inside, execed string) {
		t.Helper()
		id := newID(t)
		out := tempDir(t) + "/out"
		f, err := os.Create(out)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		cmd := command(t, append(append([]string{"run", "--detach"}, flags...), "--bundle", newBundle(t, playing(t, "keyring", "wait")), id)...)
		cmd.Stdout = f
		if r := finish(t, cmd); r.Code != 0 {
			t.Fatal(r)
		}
		eventually(t, "it tells", func() bool {
			raw, err := os.ReadFile(out)
			inside = oneLine(raw)
			return err == nil && inside != ""
		})
		execed = strings.TrimSpace(must(t, "exec", "--env", helperEnv+"=keyring", id, "/helper").Stdout)
		must(t, "delete", "--force", id)
		return strings.ReplaceAll(inside, id, "ID"), strings.ReplaceAll(execed, id, "ID")
	}
	inside, execed := ring()
	if !strings.HasSuffix(inside, ";_ses.ID") || inside != execed {
		t.Errorf("the first process has %s, one of exec %s", inside, execed)
	}
	inside, execed = ring("--no-new-keyring")
	if strings.Contains(inside, ";_ses.ID") || inside != execed && isThisRoost() {
		t.Errorf("with the caller's keyring the first process has %s, one of exec %s", inside, execed)
	}
}

// When there are as many keys as a user may have, containers run without a keyring of their own, and say so.
func TestKeyringQuotaSpent(t *testing.T) {
	needRoost(t)
	needUser(t)              // root's quota is another one, and others need it
	goruntime.LockOSThread() // whose keyring it is
	defer goruntime.UnlockOSThread()
	var keys []int
	defer func() {
		for _, k := range keys {
			_, _ = unix.KeyctlInt(unix.KEYCTL_UNLINK, k, unix.KEY_SPEC_PROCESS_KEYRING, 0, 0)
		}
	}()
	// Keyrings that nobody has any more give their share back a little later.
	spend := func() {
		for {
			k, err := unix.AddKey("user", "roost-test-"+strconv.Itoa(len(keys)), []byte("x"), unix.KEY_SPEC_PROCESS_KEYRING)
			if err == unix.EDQUOT {
				return
			}
			if err != nil {
				t.Skipf("keyrings: %v", err)
			}
			keys = append(keys, k)
		}
	}
	spent := func(what string, run func() bool) {
		t.Helper()
		eventually(t, what, func() bool { spend(); return run() })
	}
	id := newID(t)
	bundle := newBundle(t, sh(sleeper))
	spent("a container without a keyring", func() bool {
		r := must(t, "run", "--detach", "--degrade", "keyring=warn", "--bundle", bundle, id)
		degraded := state(t, id).Annotations["run.roost.degraded"]
		if warned := strings.Contains(r.Stderr, "no session keyring of its own: the quota is spent"); warned != strings.Contains(degraded, "keyring: no session keyring") {
			t.Fatalf("warning %q, state %q", r.Stderr, degraded)
		} else if warned {
			return true
		}
		must(t, "delete", "--force", id)
		return false
	})
	must(t, "exec", id, "/bin/true")
	must(t, "delete", "--force", id)
	spent("a container that is refused", func() bool {
		r := roost(t, "run", "--degrade", "keyring=deny", "--bundle", newBundle(t, nil), newID(t))
		return r.Code != 0 && strings.Contains(r.Stderr, "make a session keyring") && strings.Contains(r.Stderr, "disk quota exceeded") && strings.Contains(r.Stderr, "--degrade keyring=warn")
	})
}
