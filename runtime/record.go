package runtime

import (
	"time"

	"github.com/roost-run/roost/internal/fault"
	"github.com/roost-run/roost/internal/strictjson"
)

// record is state.json: facts, never a status.
type record struct {
	id          string
	bundle      string
	rootfs      string
	created     time.Time
	process     identity // of the container's first process
	ownPids     bool     // it has a pid namespace of its own, which ends with that process
	ownUsers    bool     // and a user namespace
	hasInit     bool     // our pid 1 runs above the process
	filtered    bool     // the file seccomp is its filter of system calls
	attended    bool     // a foreground command clears it away at its end, and has config.json locked as long as it lives
	callersKeys bool     // it has no session keyring of its own (--no-new-keyring), nor has an exec
	annotations map[string]string
	givenUp     string // what was asked for and not had, for the annotation
	cgroupMode  string // inherit, split, path, scope; "" for none that was worth a word
	cgroupWhy   string

	// Which hooks there are to be run still; what they are is in config.json.
	startContainer, poststart, poststop bool
}

const recordVersion = 1

func (r *record) encode() []byte {
	b := make([]byte, 0, 512)
	b = append(b, '{')
	b = strictjson.AppendKey(b, "record")
	b = strictjson.AppendInt(b, recordVersion)
	text := func(key, value string) {
		b = strictjson.AppendKey(b, key)
		b = strictjson.AppendString(b, value)
	}
	number := func(key string, value uint64) {
		b = strictjson.AppendKey(b, key)
		b = strictjson.AppendUint(b, value)
	}
	flag := func(key string, value bool) {
		b = strictjson.AppendKey(b, key)
		b = strictjson.AppendBool(b, value)
	}
	text("id", r.id)
	text("bundle", r.bundle)
	text("rootfs", r.rootfs)
	text("created", r.created.Format(time.RFC3339Nano))
	text("bootID", r.process.boot)
	number("pid", uint64(r.process.pid))
	number("startTime", r.process.start)
	number("pidfdInode", r.process.inode)
	flag("ownPids", r.ownPids)
	flag("ownUsers", r.ownUsers)
	flag("hasInit", r.hasInit)
	flag("filtered", r.filtered)
	flag("attended", r.attended)
	flag("callersKeyring", r.callersKeys)
	text("givenUp", r.givenUp)
	if r.cgroupMode != "" {
		text("cgroupMode", r.cgroupMode)
		text("cgroupWhy", r.cgroupWhy)
	}
	for _, h := range []struct {
		key string
		due bool
	}{{"startContainerHooks", r.startContainer}, {"poststartHooks", r.poststart}, {"poststopHooks", r.poststop}} {
		if h.due {
			flag(h.key, true)
		}
	}
	b = strictjson.AppendKey(b, "annotations")
	b = strictjson.AppendStringMap(b, r.annotations)
	return append(b, '}', '\n')
}

func decodeRecord(data []byte) (*record, error) {
	d := strictjson.New(string(data))
	r := &record{}
	version := uint64(0)
	for key := range d.Object() {
		switch key {
		case "record":
			version = d.Uint(1<<64 - 1)
		case "id":
			r.id = d.Text()
		case "bundle":
			r.bundle = d.Text()
		case "rootfs":
			r.rootfs = d.Text()
		case "created":
			t, err := time.Parse(time.RFC3339Nano, d.Text())
			if err != nil {
				d.Note("not a time")
			}
			r.created = t
		case "pid":
			r.process.pid = int(d.Uint(1 << 31))
		case "pidfdInode":
			r.process.inode = d.Uint(1<<64 - 1)
		case "startTime":
			r.process.start = d.Uint(1<<64 - 1)
		case "bootID":
			r.process.boot = d.Text()
		case "ownPids":
			r.ownPids = d.Bool()
		case "ownUsers":
			r.ownUsers = d.Bool()
		case "filtered":
			r.filtered = d.Bool()
		case "attended":
			r.attended = d.Bool()
		case "callersKeyring":
			r.callersKeys = d.Bool()
		case "hasInit":
			r.hasInit = d.Bool()
		case "givenUp":
			r.givenUp = d.Text()
		case "cgroupMode":
			r.cgroupMode = d.Text()
		case "cgroupWhy":
			r.cgroupWhy = d.Text()
		case "startContainerHooks":
			r.startContainer = d.Bool()
		case "poststartHooks":
			r.poststart = d.Bool()
		case "poststopHooks":
			r.poststop = d.Bool()
		case "annotations":
			r.annotations = make(map[string]string)
			for key := range d.Object() {
				r.annotations[key] = d.Text()
			}
		default:
			d.Skip()
		}
	}
	if err := d.End(); err != nil {
		return nil, fault.New(fault.State, "state.json is damaged: %w", err)
	}
	if problems, _ := d.Problems(); len(problems) > 0 {
		return nil, fault.New(fault.State, "state.json is damaged: %v", problems[0])
	}
	if version != recordVersion {
		return nil, fault.New(fault.State, "state.json is of version %d, this is for version %d", version, recordVersion)
	}
	if r.process.pid <= 1 {
		return nil, fault.New(fault.State, "state.json is damaged: pid %d", r.process.pid)
	}
	return r, nil
}

func (d *directory) readRecord() (*record, error) {
	data, err := d.read("state.json")
	if err != nil {
		return nil, err
	}
	r, err := decodeRecord(data)
	if err != nil {
		return nil, err
	}
	if r.id != d.id {
		return nil, fault.New(fault.State, "state.json is of container %s", r.id)
	}
	return r, nil
}
