package fault

// Code says of which kind an error is. See docs/errors.md for what each means and what to do.
type Code string

// The codes, in the order of their documentation.
const (
	Usage        Code = "E_USAGE"
	NotSupported Code = "E_NOT_SUPPORTED"
	Config       Code = "E_CONFIG"
	Degraded     Code = "E_DEGRADED"
	NoBundle     Code = "E_NO_BUNDLE"

	InvalidID       Code = "E_INVALID_ID"
	ContainerExists Code = "E_CONTAINER_EXISTS"
	NoContainer     Code = "E_NO_CONTAINER"
	NotRunning      Code = "E_NOT_RUNNING"
	Running         Code = "E_RUNNING"
	Paused          Code = "E_PAUSED"
	NotPaused       Code = "E_NOT_PAUSED"
	Busy            Code = "E_BUSY"
	State           Code = "E_STATE"
	NoStatus        Code = "E_NO_STATUS"
	Stuck           Code = "E_STUCK"

	ExecNotFound   Code = "E_EXEC_NOT_FOUND"
	ExecPermission Code = "E_EXEC_PERMISSION"
	ExecFormat     Code = "E_EXEC_FORMAT"

	Userns    Code = "E_USERNS"
	IDMap     Code = "E_IDMAP"
	Namespace Code = "E_NAMESPACE"
	Cgroup    Code = "E_CGROUP"
	Rootfs    Code = "E_ROOTFS"
	Mount     Code = "E_MOUNT"
	Device    Code = "E_DEVICE"
	Terminal  Code = "E_TERMINAL"
	Seccomp   Code = "E_SECCOMP"
	Hook      Code = "E_HOOK"
	User      Code = "E_USER"
	Process   Code = "E_PROCESS"
	PidFile   Code = "E_PID_FILE"
	Binary    Code = "E_BINARY"

	Died        Code = "E_DIED"
	Timeout     Code = "E_TIMEOUT"
	Interrupted Code = "E_INTERRUPTED"
	System      Code = "E_SYSTEM"
	Internal    Code = "E_INTERNAL"
)

// Exit is the status that a command should end with that failed so while it was to run another: as env(1) and the shells have
// it, and engines after them.
func (c Code) Exit() int {
	switch c {
	case ExecNotFound:
		return 127
	case ExecPermission, ExecFormat:
		return 126
	}
	return 125
}
