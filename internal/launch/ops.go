package launch

import (
	"fmt"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Fork adds a clone3 with the given flags. The child goes on with the next step, and is the process that counts from there;
// its parent tells the launcher and stops. With CLONE_PARENT the new process is the launcher's own child.
//
// There can be one. What follows it must contain a sync point or [Builder.ExecNext]: should the parent be killed in the
// moment before it tells, the launcher learns of the child by the first thing that the child says.
func (b *Builder) Fork(label string, flags uint64) StepRef {
	if b.forks {
		b.errs = append(b.errs, fmt.Errorf("%s: more than one fork that counts", label))
	}
	pid, parent, child := b.Slot(), b.Label(), b.Label()
	r := b.Spawn(label, flags, pid, parent)
	b.steps[r.i].nr = whoSecond
	b.Jump(child)
	b.Place(parent)
	b.add(opTell, label, "tell", []Arg{Const(msgForked), pid.Arg()})
	b.Stop(0)
	b.Place(child)
	b.forks = true
	return r
}

// Jump goes to the label.
func (b *Builder) Jump(l Label) {
	b.add(opJump, "", "jump", nil).rule(0, l)
}

// JumpIf goes to the label if the slot holds ^0: the step that was to fill it let an errno pass.
func (b *Builder) JumpIf(s Slot, l Label) {
	b.add(opJumpIf, "", "jump if failed", []Arg{s.Arg()}).rule(0, l)
}

// Note tells the parent a number, see [Child.Notes].
func (b *Builder) Note(label string, n int) {
	b.add(opTell, label, "tell", []Arg{Const(msgNote), Const(n)})
}

// Spawn forks with the flags. The child goes on with the next step, and its parent at the label; the parent remains the
// process that counts. The pid, as the parent's pid namespace has it, is in the slot, and 0 for the child. Both hold the
// status socket: Drive returns when the last of them executes, ends or closes it.
func (b *Builder) Spawn(label string, flags uint64, pid Slot, parent Label) StepRef {
	signal := uint64(syscall.SIGCHLD)
	if flags&unix.CLONE_PARENT != 0 {
		signal = 0 // it gets ours
	}
	args := b.Words(flags, 0, 0, 0, signal, 0, 0, 0, 0, 0, 0) // struct clone_args, man 2 clone3
	return b.add(opFork, label, "clone3", []Arg{args, Const(cloneArgsSize)}).Out(pid).rule(0, parent)
}

// Stop ends the process with the status.
func (b *Builder) Stop(status int) { b.add(opStop, "end", "exit_group", []Arg{Const(status)}) }

// ExecNext tells the listener that an execve follows: what ends without it never came so far, and is [ErrDied].
func (b *Builder) ExecNext() {
	b.execs = b.execs || !b.report
	b.add(opTell, "execute", "tell", []Arg{Const(msgExec), Const(0)})
}

// ReportTo sends failures to the descriptor fd instead of the status socket from here on.
func (b *Builder) ReportTo(fd Arg) {
	b.report = true
	b.add(opReportTo, "report", "report to", []Arg{fd})
}

// MkdirAll makes the directory path below the directory root, with parents, and gives an O_PATH descriptor of it.
// Links are followed as the container would, dangling ones included; nothing outside of root is reached.
// The path is relative to root and clean. What is there already is left as it is; ENOTDIR if it is no directory.
func (b *Builder) MkdirAll(label string, root Arg, path string, mode uint32) StepRef {
	return b.add(opMkdirAll, label, "mkdir all in root", []Arg{root, b.String(path), Const(mode), b.space("walk", walkSize), Const(len(path))}).Path("/" + path)
}

// Target is MkdirAll when like is a directory, and otherwise the same with an empty file at the end of the path.
func (b *Builder) Target(label string, root Arg, path string, like Arg) StepRef {
	return b.add(opTarget, label, "make target in root", []Arg{root, b.String(path), like, b.space("walk", walkSize), Const(len(path))}).Path("/" + path)
}

// Create makes an empty file with parents, or takes what is there as long as it is no directory.
func (b *Builder) Create(label string, root Arg, path string) StepRef {
	return b.Target(label, root, path, Const(-1))
}

// space is what composite operations of one kind note things down in: they share it, since one ends before the next begins.
func (b *Builder) space(name string, size int) Arg {
	a, ok := b.shared[name]
	if !ok {
		if b.shared == nil {
			b.shared = make(map[string]Arg)
		}
		a = b.Space(size)
		b.shared[name] = a
	}
	return a
}

// Kinds of Verify.
const (
	IsCharDevice = iota // of the number that Device gives
	OnFilesystem        // of the magic number, man 2 statfs
	IsDirectory
	CwdInside     // the working directory is below the root: getcwd does not say "(unreachable)"
	IsBlockDevice // of the number that Device gives
	IsFIFO
	OffFilesystem // not of the magic number
)

// Device is a device number for Verify, as the kernel packs it: man 3 makedev has another packing for each C library.
func Device(major, minor uint32) uint64 { return uint64(major<<20 | minor&(1<<20-1)) }

// Verify fails with EXDEV unless the descriptor is what it should be.
func (b *Builder) Verify(label string, fd Arg, kind int, value uint64) StepRef {
	return b.add(opVerify, label, "verify", []Arg{fd, Const(kind), Const(value), b.space("verify space", verifySize)})
}

// WriteAll writes all of p, or fails.
func (b *Builder) WriteAll(label string, fd Arg, p []byte) StepRef {
	r := b.add(opWriteAll, label, "write", []Arg{fd, b.Data(p), Const(len(p))})
	return r
}

// Wait awaits the end of the child pid and gives its wait status. ETIMEDOUT after the deadline: the child goes on.
func (b *Builder) Wait(label string, pid Arg, deadline time.Duration) StepRef {
	return b.add(opWait, label, "wait", []Arg{pid, Const(deadline.Milliseconds()), b.space("wait space", waitSize)})
}

// Finish awaits the end of the child pid, which leads a process group of its own (or is about to), and fails unless it ended
// with status 0: [Error.Status] tells how. After the deadline (0: there is none) the group is killed, ETIMEDOUT; and so it is
// when the launcher is gone, ECANCELED. The child has been waited for in any case.
func (b *Builder) Finish(label string, pid Arg, deadline time.Duration) StepRef {
	limit := forever
	if deadline > 0 {
		limit = uintptr(min(deadline.Milliseconds(), 1<<31-1))
	}
	return b.add(opFinish, label, "finish", []Arg{pid, Const(limit), b.space("wait space", waitSize)})
}

// About gives the failures of the steps from here on, and of the processes that they make, a number, see [Error.About].
// 0 takes it back.
func (b *Builder) About(n int) { b.add(opAbout, "", "about", []Arg{Const(n)}) }

// Find gives the address of the first of the paths that this process may execute: a regular file, by the credentials in force.
// When there is none: the errno of the last that was there (EACCES if it may not be executed, EISDIR for a directory), and
// else ENOENT.
func (b *Builder) Find(label string, paths []string) StepRef {
	args := make([]Arg, len(paths))
	for i, p := range paths {
		args[i] = b.String(p)
	}
	return b.add(opFind, label, "find executable", []Arg{b.Pointers(args), Const(len(paths)), b.space("find space", findSize)})
}

// BlockSignals blocks all signals, or none.
func (b *Builder) BlockSignals(label string, all bool) StepRef {
	set := make([]uint64, sigsetSize/8)
	for i := range set {
		if all {
			set[i] = ^uint64(0)
		}
	}
	return b.Call(label, unix.SYS_RT_SIGPROCMASK, Const(unix.SIG_SETMASK), b.Words(set...), Const(0), Const(sigsetSize))
}

// decimalSize is the room for a number and a NUL.
const decimalSize = 21

// Decimal gives the address of a text that ends in a number which only the child knows, such as its own pid in an environment
// variable.
func (b *Builder) Decimal(label, prefix string, value Arg) Arg {
	text := b.Scratch(len(prefix) + decimalSize)
	b.Fill(text, []byte(prefix))
	b.describe(text, func() string { return fmt.Sprintf("%q", prefix+b.text(value)) })
	b.add(opDecimal, label, "decimal", []Arg{value, text.Offset(len(prefix))})
	return text
}

// SendFile sends the descriptor fd and a text over the stream socket. The text is in the child's space at message: its length in
// the first eight bytes, at most room, and then itself. EMSGSIZE when there is none, or too much.
func (b *Builder) SendFile(label string, socket, fd, message Arg, room int) StepRef {
	return b.add(opSendFile, label, "send file", []Arg{socket, fd, message, Const(room)})
}

// CopyTree copies what is in the directory from into the directory to, which has to be empty and nobody's but ours: directories,
// files, links and FIFOs with owners, modes and times; not what is mounted below, no devices, no sockets. Devices must not be
// opened through from: mount it nodev. EOPNOTSUPP says that something was left out, and all else copied; ELOOP
// that directories lie too deep; ESTALE that somebody changed the tree meanwhile.
func (b *Builder) CopyTree(label string, from, to Arg) StepRef {
	return b.add(opCopyTree, label, "copy tree", []Arg{from, to, b.space("copy space", copySize)})
}

// Likeness gives the directory to the mode of the directory from, and with owner its owner, too.
func (b *Builder) Likeness(label string, from, to Arg, owner bool) StepRef {
	how := 0
	if owner {
		how = 1
	}
	return b.add(opLikeness, label, "make like", []Arg{from, to, Const(how), b.space("likeness space", modeSize)})
}

// Reap makes this process a minimal pid 1 above its child pid: it waits for all children, forwards signals to the one, and
// ends as that one does, with 128+n when signal n killed it. All signals must be blocked. It never returns.
func (b *Builder) Reap(label string, pid Arg) {
	b.add(opReap, label, "reap", []Arg{pid, b.space("reap space", reapSize)})
}
