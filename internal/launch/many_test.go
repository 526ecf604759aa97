package launch

import (
	"os"
	"os/exec"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestMany launches from many goroutines, beside garbage collection, goroutines whose stacks grow, and os/exec: everything
// that could hold a lock, have a write barrier on, or be in the middle of a fork when ours happens.
func TestMany(t *testing.T) {
	launches := 10000
	if testing.Short() || raceEnabled {
		launches = 1000
	}
	for _, procs := range []int{1, 8} {
		t.Run("GOMAXPROCS "+number(uint64(procs)), func(t *testing.T) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
			launchMany(t, launches/2)
		})
	}
}

func launchMany(t *testing.T, launches int) {
	before := len(descriptors())
	programs := []*Program{
		compile(t, 0, func(b *Builder) { b.Stop(7) }),
		compile(t, 0, func(b *Builder) {
			space := b.Scratch(8)
			b.Sync("talk", 0, nil, space, 8, func(*Child, []*os.File) ([]byte, error) { return []byte("hello"), nil })
			b.Stop(7)
		}),
		compile(t, 0, func(b *Builder) {
			b.Fork("fork", unix.CLONE_PARENT)
			fd := b.Slot()
			b.Call("open", unix.SYS_OPENAT, Const(unix.AT_FDCWD), b.String("/"), Const(unix.O_PATH)).Out(fd)
			b.Sync("send", 0, []Slot{fd}, Arg{}, 0, nil)
			b.Stop(7)
		}),
		compile(t, 0, func(b *Builder) { execute(b, "/bin/sh", "-c", "exit 7") }),
	}
	stop := make(chan struct{})
	noise, ran := makeNoise(stop)
	var next atomic.Int64
	var workers sync.WaitGroup
	for range 16 {
		workers.Go(func() {
			for n := next.Add(1); n <= int64(launches) && !t.Failed(); n = next.Add(1) {
				kind := n % 3
				if n%20 == 0 {
					kind = 3
				}
				launchOne(t, programs[kind])
			}
		})
	}
	workers.Wait()
	close(stop)
	noise.Wait()
	t.Logf("%d launches beside %d commands of os/exec", launches, ran.Load())
	noChildren(t)
	if after := len(descriptors()); after != before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}

func launchOne(t *testing.T, p *Program) {
	c, err := Start(p, Options{Files: []File{{os.Stderr, 2, true}}})
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close()
	if err := c.Drive(t.Context()); err != nil {
		t.Error(err)
	}
	if ws, err := c.Wait(); err != nil || ws.ExitStatus() != 7 {
		t.Errorf("%v, %v", ws, err)
	}
}

func makeNoise(stop chan struct{}) (*sync.WaitGroup, *atomic.Int64) {
	var noise sync.WaitGroup
	var ran atomic.Int64
	loop := func(f func()) {
		noise.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					f()
				}
			}
		})
	}
	loop(runtime.GC)
	var sink atomic.Pointer[[]*[64]byte]
	loop(func() {
		list := make([]*[64]byte, 1000)
		for i := range list {
			list[i] = new([64]byte)
		}
		sink.Store(&list)
	})
	loop(func() {
		done := make(chan int)
		go func() { done <- growStack(200) }()
		<-done
	})
	loop(func() {
		if exec.Command("/bin/true").Run() == nil {
			ran.Add(1)
		}
	})
	return &noise, &ran
}

func growStack(n int) int {
	var frame [256]byte
	if n == 0 {
		return int(frame[0])
	}
	frame[n%len(frame)] = byte(n)
	return growStack(n-1) + int(frame[n%len(frame)])
}

// BenchmarkStartTrue is a fork and an execve of /bin/true, waited for.
func BenchmarkStartTrue(b *testing.B) {
	p := compile(b, 0, func(b *Builder) { execute(b, "/bin/true") })
	b.ReportAllocs()
	for b.Loop() {
		c, err := Start(p, Options{})
		if err != nil {
			b.Fatal(err)
		}
		if err := c.Drive(b.Context()); err != nil {
			b.Fatal(err)
		}
		if ws, err := c.Wait(); err != nil || ws.ExitStatus() != 0 {
			b.Fatal(ws, err)
		}
		c.Close()
	}
}

// BenchmarkExecTrue is the same with os/exec, to compare with. (It starts with vfork, which copies no page tables, but waits
// for the execve with all of this process's forks held up.)
func BenchmarkExecTrue(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		c := exec.Cmd{Path: "/bin/true", Env: []string{"PATH=/bin:/usr/bin"}}
		if err := c.Run(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkStartStop is the fork alone: no execve.
func BenchmarkStartStop(b *testing.B) {
	p := compile(b, 0, func(b *Builder) { b.Stop(0) })
	for b.Loop() {
		c, err := Start(p, Options{})
		if err != nil {
			b.Fatal(err)
		}
		if err := c.Drive(b.Context()); err != nil {
			b.Fatal(err)
		}
		if _, err := c.Wait(); err != nil && err != syscall.EINTR {
			b.Fatal(err)
		}
		c.Close()
	}
}
