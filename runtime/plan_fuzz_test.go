package runtime

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/roost-run/roost/internal/spec"
	"github.com/roost-run/roost/userns"
)

// FuzzPlan goes from a config.json to the program. Whatever is written there is refused by its path, or becomes a program
// that the compiler has no complaint about. The document is one of ours with the value number n replaced, n counted from the
// outermost: bytes that are mutated without a plan hardly ever are a configuration. n = 0 is the whole document.
func FuzzPlan(f *testing.F) {
	all := plans()
	for which, p := range all {
		f.Add(uint8(which), uint16(0), string(spec.Encode(p.spec())))
	}
	for n, with := range interesting {
		f.Add(uint8(n), uint16(n*7), with)
	}
	f.Fuzz(func(t *testing.T, which uint8, n uint16, with string) {
		p := all[int(which)%len(all)]
		raw := document(spec.Encode(p.spec()), int(n), with)
		loaded, err := spec.Load(raw)
		if err != nil {
			named(t, err)
			return
		}
		in := planInput{id: "box", bundle: "/bundle", own: p.own, loaded: loaded, choice: p.choice, keyring: n%2 == 0, init: p.init, cgroups: cgroupsOf(p)}
		plan, err := makePlan(in)
		if err != nil {
			named(t, err)
			return
		}
		checkPlan(t, plan)
	})
}

// interesting are values that a configuration may have somewhere.
var interesting = []string{
	`null`, `""`, `[]`, `{}`, `0`, `-1`, `4294967295`, `1e3`, `true`, `"/"`, `"a\\,b"`, `"\u0000"`, `[null]`, `["rbind","rro","rshared"]`,
	`["lowerdir=/a:/b","upper=tmpfs"]`, `["uid=7,gid=5","idmap=uids=0-1-2"]`, `{"type":"user"}`, `[{"type":"pid"},{"type":"mount"},{"type":"user","path":"/x"}]`,
	`{"destination":"../..","type":"bind","source":"x"}`, `[{"destination":"/","type":"tmpfs"},{"destination":"/a","type":"proc"}]`,
	`[{"path":"/dev/x","type":"c","major":1,"minor":-1}]`, `{"run.roost.degrade":"sysfs=deny,x=y"}`, `{"monotonic":{"secs":-1,"nanosecs":999999999}}`,
	`{"uid":0,"gid":0,"additionalGids":[1,1],"umask":511}`, `[{"containerID":0,"hostID":4294967295,"size":1}]`, `["sh","\\xff"]`, `["PATH=::/x","HOME="]`,
}

// document is raw with its n-th value replaced. What is no JSON stands for itself, as a string.
func document(raw []byte, n int, with string) []byte {
	if n == 0 {
		return []byte(with)
	}
	var tree, value any
	if json.Unmarshal([]byte(with), &value) != nil {
		value = with
	}
	if err := json.Unmarshal(raw, &tree); err != nil {
		panic(err) // it is ours
	}
	left := n % 400
	raw, err := json.Marshal(replaceValue(tree, &left, value))
	if err != nil {
		panic(err)
	}
	return raw
}

func replaceValue(v any, left *int, value any) any {
	if *left--; *left == -1 {
		return value
	}
	switch v := v.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if *left >= 0 {
				v[key] = replaceValue(v[key], left, value)
			}
		}
	case []any:
		for i := range v {
			if *left >= 0 {
				v[i] = replaceValue(v[i], left, value)
			}
		}
	}
	return v
}

// named: what is wrong with a configuration says where.
func named(t *testing.T, err error) {
	var e *spec.Error
	if !errors.As(err, &e) || len(e.Problems) == 0 {
		t.Fatalf("%T %v: not an error of the configuration", err, err)
	}
	for _, p := range e.Problems {
		if p.Text == "" || strings.HasPrefix(p.Path, ".") {
			t.Errorf("%q: %q", p.Path, p.Text)
		}
	}
}

// checkPlan compiles a Plan, and shows it in every way.
func checkPlan(t *testing.T, p *Plan) {
	for _, m := range p.Mounts {
		if !filepath.IsAbs(m.Destination) || filepath.Clean(m.Destination) != m.Destination {
			t.Errorf("mount on %q", m.Destination)
		}
	}
	for _, d := range p.Devices {
		if !filepath.IsAbs(d.Path) || filepath.Clean(d.Path) != d.Path {
			t.Errorf("device %q", d.Path)
		}
	}
	var arenas [2][]byte
	for i, bare := range []bool{false, true} {
		program, _, err := compile(p, p.layout(3, true), actions{}, bare)
		if err != nil {
			t.Fatalf("a Plan without a program: %v", err)
		}
		arenas[i] = program.Arena()
	}
	if !bytes.Equal(arenas[0], arenas[1]) {
		t.Error("the program depends on whether it is described")
	}
	var text bytes.Buffer
	if err := errors.Join(p.WriteJSON(&text), p.WriteText(io.Discard), p.WriteSyscalls(io.Discard)); err != nil || !json.Valid(text.Bytes()) {
		t.Errorf("%v\n%s", err, text.Bytes())
	}
}

// FuzzProcess does the same with a process.json for exec, with the whole document or one value of it.
func FuzzProcess(f *testing.F) {
	whole := spec.EncodeProcess(spec.Default().Process)
	f.Add(uint8(0), uint16(0), string(whole))
	choices := []userns.Choice{privileged(), single(), several(), joining()}
	for n, with := range interesting {
		f.Add(uint8(n), uint16(n), with)
	}
	f.Fuzz(func(t *testing.T, which uint8, n uint16, with string) {
		raw := document(whole, int(n%60), with)
		process, _, err := spec.LoadProcess(raw)
		if err != nil {
			named(t, err)
			return
		}
		var bad planError
		p := Plan{User: choices[int(which)%len(choices)], Process: planProcess(process)}
		p.attributes(process, standing{}, "", &bad)
		p.affinity(process.ExecCPUAffinity)
		if bad.err() != nil {
			named(t, bad.err())
			return
		}
		if _, _, err := compileExec(execPlan{process: &p.Process, flags: 1 << 29, keyring: "_ses.box", deadline: defaultExecDeadline}, layout{joins: 1}, actions{}, true); err != nil {
			t.Fatalf("a process without a program: %v", err)
		}
	})
}
