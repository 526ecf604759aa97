package byhand

// Options are the by-hand flags, as they were typed. Names and meanings are podman's where podman
// has the flag, so that a habit or a script carries over.
type Options struct {
	Name     string   // the container's id; the default host name where it is a valid one
	Args     []string // the command and its arguments, after "--"
	Rootfs   string   // --rootfs: a directory to be the root; "" is the throw-away copy of the host
	Env      []string // -e KEY=VALUE, KEY (the caller's value, if set), PREFIX* (all of the caller's that match)
	EnvFiles []string // --env-file: read in order, before Env
	Workdir  string   // -w: absolute path inside
	User     string   // -u: uid[:gid] or name[:group], looked up in the container's /etc/passwd and /etc/group
	Volumes  []string // -v SRC:DST[:OPTION,...], or SRC alone for the same path inside; "." is the working directory
	Mounts   []string // --mount type=bind|tmpfs,src=...,dst=...,ro
	Tmpfs    []string // --tmpfs DST[:OPTION,...]
	Hostname string   // --hostname

	ReadOnly    bool // --read-only: /run, /tmp and /var/tmp stay writable, on tmpfs
	Interactive bool // -i: not in the configuration; the caller wires stdin
	TTY         bool // -t
	Init        bool // --init: not in the configuration either, only checked against PID
	Home        bool // --home: the caller's home directory, writable, at its own path

	Net    string // --net: none (default, private), host, container:ID, ns:PATH
	PID    string // --pid: private (default), host, container:ID, ns:PATH
	IPC    string // --ipc: as PID
	UTS    string // --uts: as PID
	UserNS string // --userns: "" or host (what this caller gets anyway), private or auto, keep-id, container:ID, ns:PATH
	IDMap  string // --idmap: "", auto, single, keep-id or an explicit map; see RuntimeIDMap

	CapAdd  []string // --cap-add: names with or without CAP_, any case, or ALL
	CapDrop []string // --cap-drop
}

// RuntimeIDMap is the id map to ask of the runtime: IDMap, or what podman's --userns=keep-id means.
func (o Options) RuntimeIDMap() string {
	if o.IDMap == "" && o.UserNS == "keep-id" {
		return "keep-id"
	}
	return o.IDMap
}
