package runtime

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// hooked is spec with a hook of every kind, which does nothing.
func (b *box) hooked(args ...string) *specs.Spec {
	s := b.spec(args...)
	host, inside := []specs.Hook{{Path: "/bin/true"}}, []specs.Hook{{Path: "/bin/true"}}
	s.Hooks = &specs.Hooks{
		Prestart: host, CreateRuntime: host, CreateContainer: []specs.Hook{{Path: "/bin/true"}, {Path: "/bin/true"}},
		StartContainer: inside, Poststart: host, Poststop: host,
	}
	return s
}

// withoutPids takes the pid namespace away, and with it proc, which an ordinary user could not mount then.
func withoutPids(s *specs.Spec) {
	s.Linux.Namespaces = namespaces(specs.MountNamespace, specs.IPCNamespace, specs.UTSNamespace)
	s.Mounts = s.Mounts[1:]
}

func TestHookState(t *testing.T) {
	r := record{id: "x", bundle: "/b \"\n", annotations: map[string]string{"a\\": "b\x01é"}}
	var got specs.State
	if err := json.Unmarshal(r.hookState(Creating, 77), &got); err != nil {
		t.Fatal(err)
	}
	if want := (specs.State{Version: "1.3.0", ID: "x", Status: "creating", Pid: 77, Bundle: r.bundle, Annotations: r.annotations}); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%+v", got)
	}
	r.annotations = nil
	if text := string(r.hookState(Stopped, 0)); strings.Contains(text, "pid") || strings.Contains(text, "annotations") {
		t.Error(text)
	}
}

// TestStateFile: it is read from the beginning, and nobody changes it.
func TestStateFile(t *testing.T) {
	f, err := newStateFile()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := fillState(f, []byte("state")); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 100)
	if n, err := f.Read(b); err != nil || string(b[:n]) != "state" {
		t.Errorf("%q, %v", b[:n], err)
	}
	if _, err := f.WriteAt([]byte("x"), 0); !errors.Is(err, syscall.EPERM) {
		t.Error("written to:", err)
	}
	if err := f.Truncate(0); !errors.Is(err, syscall.EPERM) {
		t.Error("cut:", err)
	}
}

func TestLastWords(t *testing.T) {
	long := strings.Repeat("x", 3*keptOutput)
	for in, want := range map[string]string{
		"": "", "\n\n \t\n": "", "one": "one", "one\ntwo\n": "one; two", "\x1b[31mred\x07\r\n": "[31mred", "a\xffb": "a\ufffdb", "c1\u009b2": "c1 2",
		strings.Repeat("line\n", 100): strings.TrimSuffix(strings.Repeat("line; ", 10), "; "),
		long:                          "…" + long[:shownOutput],
		long + "é":                    "…" + long[:shownOutput-2] + "é",
	} {
		if got := lastWords([]byte(in)); got != want {
			t.Errorf("%.20q: %q, not %q", in, got, want)
		}
	}
}

// TestHookOutput: all is read, little is kept, and whoever holds the pipe does not hold us.
func TestHookOutput(t *testing.T) {
	keepsDescriptors(t, func() {
		o, err := newHookOutput()
		if err != nil {
			t.Fatal(err)
		}
		fd, err := unix.Dup(int(o.w.Fd()))
		if err != nil {
			t.Fatal(err)
		}
		w := os.NewFile(uintptr(fd), "pipe")
		defer w.Close()
		o.read()
		chunk := bytes.Repeat([]byte("0123456789abcde\n"), 1<<12)
		for range 200 {
			if _, err := w.Write(chunk); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := w.WriteString("the end\n"); err != nil {
			t.Fatal(err)
		}
		if said := o.stop(); !strings.HasSuffix(said, "abcde; the end") || cap(o.end) > 8*keptOutput {
			t.Errorf("%q, %d", said, cap(o.end))
		}
		if _, err := w.WriteString("more"); !errors.Is(err, syscall.EPIPE) {
			t.Error(err)
		}
	})
}

func TestWaitsFor(t *testing.T) {
	limited := []Hook{{Timeout: time.Second}, {Timeout: 2 * time.Second}}
	if d := waitsFor(limited, time.Minute); d != time.Minute+3*time.Second {
		t.Error(d)
	}
	if d := waitsFor(append(limited, Hook{}), time.Minute); d >= 0 {
		t.Error(d)
	}
}

// TestHooksAndContext: whoever waits for a hook may stop waiting; nothing stays, and what comes at the end is still done.
func TestHooksAndContext(t *testing.T) {
	b := newBox(t)
	shared := filepath.Join(b.dir, "shared")
	for _, dir := range []string{shared, filepath.Join(b.rootfs, "shared")} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	hang := func(dir string) []specs.Hook {
		return []specs.Hook{{Path: "/bin/sh", Args: []string{"sh", "-c", "echo >" + dir + "/hangs; exec sleep 1000"}, Env: []string{"PATH=/bin:/usr/bin"}}}
	}
	for name, hooks := range map[string]specs.Hooks{
		"prestart":        {Prestart: hang(shared)},
		"createRuntime":   {CreateRuntime: hang(shared)},
		"createContainer": {CreateContainer: hang(shared)},
		"startContainer":  {StartContainer: hang("/shared")},
		"poststart":       {Poststart: hang(shared)},
	} {
		for _, pids := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, pid namespace %v", name, pids), func(t *testing.T) {
				b.t = t
				s := b.spec("sleep", "1000")
				if !pids {
					withoutPids(s)
				}
				s.Mounts = append(s.Mounts, specs.Mount{Destination: "/shared", Source: shared, Options: []string{"bind"}})
				hooks.Poststop = []specs.Hook{{Path: "/bin/sh", Args: []string{"sh", "-c", "echo >" + shared + "/poststop"}}}
				s.Hooks = &hooks
				ctx, cancel := context.WithCancelCause(t.Context())
				go func() {
					defer cancel(errors.New("enough"))
					until(t, "the hook hangs", func() bool { return os.Remove(shared+"/hangs") == nil })
				}()
				c, p, err := b.store.Run(ctx, "cancelled", b.options(s))
				if err == nil {
					b.destroy(c, p)
				}
				if err == nil || !strings.Contains(err.Error(), "enough") {
					t.Error(err)
				}
				if err := os.Remove(shared + "/poststop"); err != nil {
					t.Error(err)
				}
				b.nothingLeft(name)
			})
		}
	}
}

// TestHookKillsTheContainer: a hook that waits for something does not outlive the process it is for.
func TestHookKillsTheContainer(t *testing.T) {
	b := newBox(t)
	s := b.spec("true")
	s.Hooks = &specs.Hooks{CreateRuntime: []specs.Hook{{Path: "/bin/sh", Args: []string{"sh", "-c",
		`kill -9 $(sed 's/.*"pid":\([0-9]*\).*/\1/'); exec sleep 1000`}, Env: []string{"PATH=/bin:/usr/bin"}}}}
	_, _, err := b.store.Run(t.Context(), "killed", b.options(s))
	var hook *HookError
	if !errors.As(err, &hook) || !errors.Is(err, errEndedMeanwhile) || hook.Hook != "hooks.createRuntime[0]" {
		t.Error(err)
	}
	b.nothingLeft("after the hook")
}
