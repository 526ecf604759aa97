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

	steps  []step
	info   []Step
	data   []byte
	intern map[string]uint32
	relocs []uint32
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
	text string
}

// Const is a number that is known now.
func Const[T ~int | ~int32 | ~int64 | ~uint | ~uint32 | ~uint64 | ~uintptr](v T) Arg {
	return Arg{kind: kindConst, v: uint64(v)}
}

// Arg is the slot's value when the step runs.
func (s Slot) Arg() Arg { return Arg{kind: kindSlot, v: uint64(s), text: fmt.Sprintf("$%d", s)} }

// Address is the address of the slot itself, for system calls that want a pointer to a number.
func (s Slot) Address() Arg { return Arg{kind: kindWhere, v: uint64(s), text: fmt.Sprintf("&$%d", s)} }

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
	a := b.Data([]byte(s + "\x00"))
	a.text = fmt.Sprintf("%q", s)
	return a
}

// Data is the address of bytes that do not change; equal ones share one place.
func (b *Builder) Data(p []byte) Arg {
	if off, ok := b.intern["d"+string(p)]; ok {
		return Arg{kind: kindData, v: uint64(off), text: fmt.Sprintf("data+%d", off)}
	}
	a := b.Scratch(len(p))
	copy(b.data[a.v:], p)
	if b.intern == nil {
		b.intern = make(map[string]uint32)
	}
	b.intern["d"+string(p)] = uint32(a.v)
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
	off := len(b.data)
	b.data = append(b.data, make([]byte, n)...)
	return Arg{kind: kindData, v: uint64(off), text: fmt.Sprintf("scratch+%d", off)}
}

// Offset is the address n bytes after a.
func (a Arg) Offset(n int) Arg {
	a.v += uint64(n)
	a.text = fmt.Sprintf("%s+%d", a.text, n)
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
	a.text = "["
	for i, arg := range args {
		if i > 0 {
			a.text += " "
		}
		a.text += arg.text
	}
	a.text += "]"
	return a
}

// SetPointer stores the address arg at a: for structures that hold pointers.
func (b *Builder) SetPointer(a, arg Arg) {
	off := a.v
	b.relocs = append(b.relocs, uint32(off))
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
	r := b.add(opCall, label, syscallName(nr), args)
	b.steps[r.i].nr = uint32(nr)
	return r
}

func (b *Builder) add(op uint8, label, name string, args []Arg) StepRef {
	s := step{op: op, out: -1}
	if len(args) > len(s.args) {
		b.errs = append(b.errs, fmt.Errorf("%s: more than %d arguments", label, len(s.args)))
		args = args[:len(s.args)]
	}
	text := make([]string, len(args))
	for i, a := range args {
		s.args[i], s.kinds[i] = a.v, a.kind
		text[i] = a.text
		if a.text == "" {
			text[i] = number(a.v)
		}
	}
	b.steps = append(b.steps, s)
	b.info = append(b.info, Step{Label: label, Call: name + "(" + strings.Join(text, ", ") + ")"})
	return StepRef{b, len(b.steps) - 1}
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
	r.b.info[r.i].Call += fmt.Sprintf(" → $%d", s)
	return r
}

// Path says which path the step is about.
func (r StepRef) Path(p string) StepRef { r.b.info[r.i].Path = p; return r }

// Remedy says what the user can do when the step fails.
func (r StepRef) Remedy(s string) StepRef { r.b.info[r.i].Remedy = s; return r }

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
	s := &r.b.steps[r.i]
	if s.nrules == maxRules {
		r.b.errs = append(r.b.errs, fmt.Errorf("step %d: more than %d rules", r.i, maxRules))
		return r
	}
	s.rules[s.nrules].errno = errno
	r.b.jumps = append(r.b.jumps, jump{r.i, int(s.nrules), int(l)})
	s.nrules++
	return r
}

// Program ends the building. The deadlines of sync points count from the one before.
func (b *Builder) Program() (*Program, error) {
	for _, j := range b.jumps {
		to := b.places[j.label]
		if to < 0 {
			b.errs = append(b.errs, fmt.Errorf("step %d (%s) jumps to a label without a place", j.step, b.info[j.step].Label))
			continue
		}
		b.steps[j.step].rules[j.rule].next = uint32(to)
	}
	if len(b.errs) > 0 {
		return nil, errors.Join(b.errs...)
	}
	p := &Program{Flags: b.Flags, Steps: b.info, syncs: b.syncs, status: b.StatusFD, forks: b.forks, execs: b.execs}
	b.lay(p)
	return p, nil
}

// lay writes header, slots, steps, relocations and data into one arena.
func (b *Builder) lay(p *Program) {
	h := header{nsteps: uint32(len(b.steps)), nrelocs: uint32(len(b.relocs)), stopAt: never, status: int32(b.StatusFD)}
	h.slots = align(uint32(unsafe.Sizeof(h)))
	h.steps = h.slots + 8*uint32(b.slots)
	h.relocs = h.steps + uint32(len(b.steps))*uint32(unsafe.Sizeof(step{}))
	h.data = align(h.relocs + 4*h.nrelocs)
	h.fds = align(h.data + uint32(len(b.data)))
	p.size = int(h.fds)
	p.arena = make([]uint64, p.size/8)
	base := unsafe.Pointer(unsafe.SliceData(p.arena))
	*(*header)(base) = h
	copy(unsafe.Slice((*step)(unsafe.Add(base, h.steps)), len(b.steps)), b.steps)
	copy(unsafe.Slice((*uint32)(unsafe.Add(base, h.relocs)), len(b.relocs)), b.relocs)
	copy(arenaBytes(p.arena)[h.data:], b.data)
}

func align(n uint32) uint32 { return (n + 7) &^ 7 }

// Sync stops the child until the parent has done the action. The child sends the descriptors in the slots (those that hold ^0
// are left out) and gets the action's reply in the scratch space at reply, of the given size; a longer reply is an error.
// The deadline is the parent's patience until the child gets here; 0 is [DefaultDeadline].
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
		reply = b.Scratch(0)
	}
	r := b.add(opSync, label, "sync", []Arg{Const(len(b.syncs)), b.Data(list), Const(len(fds)), reply, Const(replySize)})
	b.syncs = append(b.syncs, syncPoint{step: r.i, deadline: deadline, action: action, size: replySize})
	return r
}

// DefaultDeadline is how long a child may take from one sync point to the next.
const DefaultDeadline = 2 * time.Minute
