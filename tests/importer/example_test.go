package importer

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/roost-run/roost/runtime"
)

// A command in a container, from its start to its status.
func Example() {
	store, rootfs, done, err := scratch()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer done()
	container, process, err := store.Run(background(), "hello", runtime.CreateOptions{
		Spec:  small(rootfs, "sh", "-c", "echo hello from pid $$; exit 3"),
		Stdio: runtime.Stdio{Out: os.Stdout},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	status, err := process.Wait(background())
	fmt.Println(status.Code, err)
	fmt.Println(container.Destroy(background(), false))
	// Output:
	// hello from pid 1
	// 3 <nil>
	// <nil>
}

// create and start apart, several processes, signals, and what is in the container.
func Example_lifecycle() {
	store, rootfs, done, err := scratch()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer done()
	c, first, err := store.Create(background(), "service", runtime.CreateOptions{Spec: small(rootfs, "sleep", "1000")})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Destroy(background(), true)
	state, err := c.State()
	fmt.Println(state.Status, err)
	fmt.Println(c.Start(background()))

	process, err := c.DefaultProcess()
	if err != nil {
		fmt.Println(err)
		return
	}
	process.Args = []string{"sh", "-c", "echo $GREETING from $HOME"}
	process.Env = append(process.Env, "GREETING=hello")
	second, err := c.Exec(background(), runtime.ExecOptions{Process: process, User: "root", Stdio: runtime.Stdio{Out: os.Stdout}})
	if err != nil {
		fmt.Println(err)
		return
	}
	status, err := second.Wait(background())
	fmt.Println(status.Code, err)

	pids, err := c.Processes()
	fmt.Println(len(pids), pids[0] == first.Pid(), err)
	fmt.Println(c.Signal(background(), syscall.SIGKILL, false))
	status, err = first.Wait(background())
	fmt.Println(status.Code, err)
	// Output:
	// created <nil>
	// <nil>
	// hello from /root
	// 0 <nil>
	// 1 true <nil>
	// <nil>
	// 137 <nil>
}

// Errors that a program branches on.
func Example_errors() {
	store, rootfs, done, err := scratch()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer done()
	_, err = store.Load("nobody")
	fmt.Println(errors.Is(err, runtime.ErrNotExist))
	_, _, err = store.Create(background(), "../up", runtime.CreateOptions{Spec: small(rootfs, "true")})
	fmt.Println(errors.Is(err, runtime.ErrInvalidID))

	c, _, err := store.Create(background(), "twice", runtime.CreateOptions{Spec: small(rootfs, "true")})
	fmt.Println(err)
	_, _, err = store.Create(background(), "twice", runtime.CreateOptions{Spec: small(rootfs, "true")})
	fmt.Println(errors.Is(err, runtime.ErrExist))
	fmt.Println(c.Destroy(background(), true))
	// Output:
	// true
	// true
	// <nil>
	// true
	// <nil>
}
