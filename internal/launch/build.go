package launch

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

// Builder puts a program together. The zero value is ready for use. Mistakes (a NUL in a string, a label without a place)
// are kept and returned by [Builder.Program].
type Builder struct {
	// Flags are the CLONE_NEW* flags of the first fork.
	Flags uint64
	// StatusFD is the number that the child's end of the status socket gets: above all that Start's files take.
	StatusFD int
	// Code goes with each step that is added from here on, see [Step.Code].
	Code string
	// Bare leaves out what only people read, [Program.Steps], which takes most of the time that building takes. The same
	// building without Bare gives the words to an [Error], see [Error.Describe].
	Bare bool
	// Rest is the parent's patience after the last sync point; 0 is what it was up to there, negative any.
	Rest time.Duration

	steps  []step
	info   []Step
	data   []byte
	intern map[string]uint32
	shared map[string]Arg    // scratch space, see space
	texts  map[uint64]string // what is at an offset into data, unless Bare
	rules  []rule
	relocs []uint32
	room   int // bytes of space
	slots  int
	places []int // label → step, -1 before Place
	jumps  []jump
	syncs  []syncPoint
	forks  bool
	execs  bool
	report bool // failures are reported elsewhere than to the status socket
	errs   []error
}

// Slot holds the result of a step for later steps.
type Slot int

// Label is a step that others jump to.
type Label int

type jump struct{ step, rule, label int }

// Arg is an argument of a step.
type Arg struct {
	kind uint8
	v    uint64
}

// Const is a number that is known now.
func Const[T ~int | ~int32 | ~int64 | ~uint | ~uint32 | ~uint64 | ~uintptr](v T) Arg {
	return Arg{kind: kindConst, v: uint64(v)}
}

// Arg is the slot's value when the step runs.
func (s Slot) Arg() Arg { return Arg{kind: kindSlot, v: uint64(s)} }

// Address is the address of the slot's low 32 bits, for system calls that want a pointer to an int.
func (s Slot) Address() Arg { return Arg{kind: kindWhere, v: uint64(s)} }

// Slot makes a slot. Its value is 0 until a step sets it, and ^0 after a step whose errno was let pass.
func (b *Builder) Slot() Slot { b.slots++; return Slot(b.slots - 1) }

// Label makes a label, for jumps to a place that comes later.
func (b *Builder) Label() Label { b.places = append(b.places, -1); return Label(len(b.places) - 1) }

// Place puts the label before the next step.
func (b *Builder) Place(l Label) { b.places[l] = len(b.steps) }

// Here is a label before the next step.
func (b *Builder) Here() Label { l := b.Label(); b.Place(l); return l }

// String is the address of a NUL-terminated string. Equal strings share one place, so the child must not change it.
func (b *Builder) String(s string) Arg {
	if strings.IndexByte(s, 0) >= 0 {
		b.errs = append(b.errs, fmt.Errorf("%q: a NUL byte in a string", s))
	}
	a := b.Data(append([]byte(s), 0))
	b.describe(a, func() string { return fmt.Sprintf("%q", s) })
	return a
}

// Data is the address of bytes that do not change; equal ones share one place.
func (b *Builder) Data(p []byte) Arg {
	if off, ok := b.intern[string(p)]; ok {
		return Arg{kind: kindData, v: uint64(off)}
	}
	a := b.Scratch(len(p))
	copy(b.data[a.v:], p)
	if b.intern == nil {
		b.intern = make(map[string]uint32, 128)
	}
	b.intern[string(p)] = uint32(a.v)
	return a
}

// Words is the address of 64-bit words that do not change.
func (b *Builder) Words(w ...uint64) Arg {
	p := make([]byte, 0, 8*len(w))
	for _, v := range w {
		p = binary.NativeEndian.AppendUint64(p, v)
	}
	return b.Data(p)
}

// Scratch is the address of n zero bytes of the child's own, 8-aligned.
func (b *Builder) Scratch(n int) Arg {
	for len(b.data)%8 != 0 {
		b.data = append(b.data, 0)
	}
	if b.data == nil {
		b.data = make([]byte, 0, 16<<10)
	}
	off := len(b.data)
	b.data = append(b.data, make([]byte, n)...)
	return Arg{kind: kindData, v: uint64(off)}
}

// Space is the address of n bytes that are zero when the program starts, 8-aligned. Unlike Scratch it takes no room in the
// program, and cannot be filled beforehand.
func (b *Builder) Space(n int) Arg {
	off := (b.room + 7) &^ 7
	b.room = off + n
	return Arg{kind: kindSpace, v: uint64(off)}
}

// Offset is the address n bytes after a.
func (a Arg) Offset(n int) Arg {
	a.v += uint64(n)
	return a
}

// Fill copies p to where a points, which must be the builder's scratch.
func (b *Builder) Fill(a Arg, p []byte) { copy(b.data[a.v:], p) }

// Pointers is the address of an array of addresses, ended by a null pointer: an argv.
func (b *Builder) Pointers(args []Arg) Arg {
	const word = int(unsafe.Sizeof(uintptr(0)))
	a := b.Scratch(word * (len(args) + 1))
	for i, arg := range args {
		b.SetPointer(a.Offset(word*i), arg)
	}
	b.describe(a, func() string {
		text := make([]string, len(args))
		for i, arg := range args {
			text[i] = b.text(arg)
		}
		return "[" + strings.Join(text, " ") + "]"
	})
	return a
}

// SetPointer stores the address arg at a: for structures that hold pointers.
func (b *Builder) SetPointer(a, arg Arg) {
	off := a.v
	reloc := uint32(off)
	if arg.kind == kindSpace {
		reloc |= spaceReloc
	}
	b.relocs = append(b.relocs, reloc)
	if unsafe.Sizeof(uintptr(0)) == 8 {
		binary.NativeEndian.PutUint64(b.data[off:], arg.v)
	} else {
		binary.NativeEndian.PutUint32(b.data[off:], uint32(arg.v))
	}
}

// StepRef is a step that was just added, to say more of it.
type StepRef struct {
	b *Builder
	i int
}

// Call adds a system call.
func (b *Builder) Call(label string, nr uintptr, args ...Arg) StepRef {
	r := b.add(opCall, label, "", args)
	b.steps[r.i].nr = uint16(nr)
	if !b.Bare {
		b.info[r.i].Call = syscallName(nr) + b.info[r.i].Call
	}
	return r
}

func (b *Builder) add(op uint8, label, name string, args []Arg) StepRef {
	s := step{op: op, out: -1}
	if len(args) > len(s.args) {
		b.errs = append(b.errs, fmt.Errorf("%s: more than %d arguments", label, len(s.args)))
		args = args[:len(s.args)]
	}
	for i, a := range args {
		if a.kind == kindConst && uint64(int32(a.v)) != a.v {
			a.kind, a.v = kindWide, b.Words(a.v).v
		}
		s.args[i] = int32(a.v)
		s.kinds |= uint32(a.kind) << (kindBits * i)
	}
	if b.steps == nil { // about what a container takes
		b.steps = make([]step, 0, 640)
		b.rules = make([]rule, 0, 256)
		b.jumps = make([]jump, 0, 256)
	}
	b.steps = append(b.steps, s)
	if !b.Bare {
		text := make([]string, len(args))
		for i, a := range args {
			text[i] = b.text(a)
		}
		b.info = append(b.info, Step{Label: label, Code: b.Code, Call: name + "(" + strings.Join(text, ", ") + ")"})
	}
	return StepRef{b, len(b.steps) - 1}
}

// describe keeps what is at an address of data, for people.
func (b *Builder) describe(a Arg, text func() string) {
	if b.Bare {
		return
	}
	if b.texts == nil {
		b.texts = make(map[uint64]string)
	}
	b.texts[a.v] = text()
}

// text is an argument for people.
func (b *Builder) text(a Arg) string {
	switch a.kind {
	case kindSlot:
		return fmt.Sprintf("$%d", a.v)
	case kindWhere:
		return fmt.Sprintf("&$%d", a.v)
	case kindSpace:
		return fmt.Sprintf("space+%d", a.v)
	case kindData:
		if t, ok := b.texts[a.v]; ok {
			return t
		}
		return fmt.Sprintf("data+%d", a.v)
	}
	return number(a.v)
}

func number(v uint64) string {
	if n := int64(v); n < 0 && n > -4096 {
		return fmt.Sprint(n)
	}
	if v < 4096 {
		return fmt.Sprint(v)
	}
	return fmt.Sprintf("%#x", v)
}

// Out keeps the step's result.
func (r StepRef) Out(s Slot) StepRef {
	r.b.steps[r.i].out = int32(s)
	if !r.b.Bare {
		r.b.info[r.i].Call += fmt.Sprintf(" → $%d", s)
	}
	return r
}

// Path says which path the step is about.
func (r StepRef) Path(p string) StepRef {
	if !r.b.Bare {
		r.b.info[r.i].Path = p
	}
	return r
}

// Remedy says what the user can do when the step fails.
func (r StepRef) Remedy(s string) StepRef {
	if !r.b.Bare {
		r.b.info[r.i].Remedy = s
	}
	return r
}

// Kind says what it is that is not had when the step is refused, see [Step.Kind].
func (r StepRef) Kind(kind string) StepRef {
	if !r.b.Bare {
		r.b.info[r.i].Kind = kind
	}
	return r
}

// On jumps to the label on one of these errnos, or on any when none is named.
func (r StepRef) On(l Label, errnos ...syscall.Errno) StepRef {
	if len(errnos) == 0 {
		return r.rule(anyErrno, l)
	}
	for _, e := range errnos {
		r.rule(uint32(e), l)
	}
	return r
}

// Ignore goes on with the next step on these errnos, or on any when none is named.
func (r StepRef) Ignore(errnos ...syscall.Errno) StepRef {
	next := r.b.Label()
	r.b.places[next] = r.i + 1
	return r.On(next, errnos...)
}

func (r StepRef) rule(errno uint32, l Label) StepRef {
	b := r.b
	link, count := &b.steps[r.i].rules, 0
	for ; *link != 0; count++ {
		link = &b.rules[*link-1].link
	}
	if count == maxRules {
		b.errs = append(b.errs, fmt.Errorf("step %d: more than %d rules", r.i, maxRules))
		return r
	}
	*link = uint32(len(b.rules) + 1)
	b.jumps = append(b.jumps, jump{r.i, len(b.rules), int(l)})
	b.rules = append(b.rules, rule{errno: errno})
	return r
}

// Program ends the building. The deadlines of sync points count from the one before.
func (b *Builder) Program() (*Program, error) {
	for _, j := range b.jumps {
		to := b.places[j.label]
		if to < 0 {
			b.errs = append(b.errs, fmt.Errorf("step %d (%s) jumps to a label without a place", j.step, b.label(j.step)))
			continue
		}
		b.rules[j.rule].next = uint32(to)
	}
	if len(b.errs) > 0 {
		return nil, errors.Join(b.errs...)
	}
	return &Program{
		Flags: b.Flags, Steps: b.info, head: header{slots: uint32(b.slots), stopAt: never, status: int32(b.StatusFD)},
		steps: b.steps, rules: b.rules, relocs: b.relocs, data: b.data, space: b.room,
		syncs: b.syncs, status: b.StatusFD, forks: b.forks, execs: b.execs, rest: b.Rest,
	}, nil
}

func (b *Builder) label(i int) string {
	if b.Bare {
		return "?"
	}
	return b.info[i].Label
}

// Sync stops the child until the parent has done the action. The child sends the descriptors in the slots (those that hold ^0
// are left out) and gets the action's reply in the scratch space at reply, of the given size; a longer reply is an error.
// The deadline is the parent's patience until the child gets here; 0 is [DefaultDeadline], and a negative one never passes.
func (b *Builder) Sync(label string, deadline time.Duration, fds []Slot, reply Arg, replySize int, action Action) StepRef {
	if deadline == 0 {
		deadline = DefaultDeadline
	}
	if len(fds) > MaxFiles {
		b.errs = append(b.errs, fmt.Errorf("%s: more than %d descriptors", label, MaxFiles))
		fds = nil
	}
	list := make([]byte, 0, 4*MaxFiles)
	for _, s := range fds {
		list = binary.NativeEndian.AppendUint32(list, uint32(s))
	}
	if replySize == 0 {
		reply = b.Space(0)
	}
	r := b.add(opSync, label, "sync", []Arg{Const(len(b.syncs)), b.Data(list), Const(len(fds)), reply, Const(replySize)})
	b.syncs = append(b.syncs, syncPoint{step: r.i, deadline: deadline, action: action, size: replySize})
	return r
}

// DefaultDeadline is how long a child may take from one sync point to the next.
const DefaultDeadline = 2 * time.Minute
