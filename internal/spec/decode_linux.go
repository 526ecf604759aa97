package spec

import (
	"os"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/roost-run/roost/internal/strictjson"
)

func (d *decoder) linux() *specs.Linux {
	l := &specs.Linux{}
	for key := range d.Object() {
		if d.Null() {
			continue
		}
		switch key {
		case "uidMappings":
			l.UIDMappings = d.mappings()
		case "gidMappings":
			l.GIDMappings = d.mappings()
		case "namespaces":
			l.Namespaces = d.namespaces()
		case "devices":
			l.Devices = d.devices()
		case "rootfsPropagation":
			l.RootfsPropagation = d.Text()
		case "maskedPaths":
			l.MaskedPaths = d.texts()
		case "readonlyPaths":
			l.ReadonlyPaths = d.texts()
		case "cgroupsPath":
			l.CgroupsPath = d.Text()
		case "timeOffsets":
			l.TimeOffsets = d.timeOffsets()
		case "resources":
			l.Resources = d.resources()
		case "sysctl":
			l.Sysctl = d.textMap()
		case "netDevices":
			l.NetDevices = members(d, d.netDevice)
		case "seccomp":
			d.passOverSeccomp()
		case "mountLabel":
			l.MountLabel = d.Text()
		case "intelRdt":
			l.IntelRdt = d.intelRdt()
		case "memoryPolicy":
			l.MemoryPolicy = d.memoryPolicy()
		case "personality":
			l.Personality = d.personality()
		default:
			d.unknown(key, "uidMappings gidMappings namespaces devices rootfsPropagation maskedPaths readonlyPaths cgroupsPath "+
				"timeOffsets resources sysctl netDevices seccomp mountLabel intelRdt memoryPolicy personality")
		}
	}
	return l
}

// passOverSeccomp notes where the profile is: decoding one takes longer than all the rest, and whoever has its filter
// already needs nothing but the bytes.
func (d *decoder) passOverSeccomp() {
	if d.Kind() == strictjson.Object {
		d.seccomp[0], d.seccomp[1] = d.Span()
		return
	}
	for range d.Object() { // notes what it is instead
	}
}

func (d *decoder) netDevice() specs.LinuxNetDevice {
	var n specs.LinuxNetDevice
	for key := range d.Object() {
		if d.Null() {
			continue
		}
		switch key {
		case "name":
			n.Name = d.Text()
		default:
			d.unknown(key, "name")
		}
	}
	return n
}

func (d *decoder) intelRdt() *specs.LinuxIntelRdt {
	r := &specs.LinuxIntelRdt{}
	for key := range d.Object() {
		if d.Null() {
			continue
		}
		switch key {
		case "closID":
			r.ClosID = d.Text()
		case "schemata":
			r.Schemata = d.texts()
		case "l3CacheSchema":
			r.L3CacheSchema = d.Text()
		case "memBwSchema":
			r.MemBwSchema = d.Text()
		case "enableMonitoring":
			r.EnableMonitoring = d.Bool()
		default:
			d.unknown(key, "closID schemata l3CacheSchema memBwSchema enableMonitoring")
		}
	}
	return r
}

func (d *decoder) mappings() []specs.LinuxIDMapping {
	list := make([]specs.LinuxIDMapping, 0, 4)
	for range d.Array() {
		var m specs.LinuxIDMapping
		for key := range d.Object() {
			if d.Null() {
				continue
			}
			switch key {
			case "containerID":
				m.ContainerID = d.uint32()
			case "hostID":
				m.HostID = d.uint32()
			case "size":
				m.Size = d.uint32()
			default:
				d.unknown(key, "containerID hostID size")
			}
		}
		list = append(list, m)
	}
	return list
}

func (d *decoder) namespaces() []specs.LinuxNamespace {
	list := make([]specs.LinuxNamespace, 0, 8)
	for range d.Array() {
		var n specs.LinuxNamespace
		for key := range d.Object() {
			if d.Null() {
				continue
			}
			switch key {
			case "type":
				n.Type = specs.LinuxNamespaceType(d.Text())
			case "path":
				n.Path = d.Text()
			default:
				d.unknown(key, "type path")
			}
		}
		list = append(list, n)
	}
	return list
}

func (d *decoder) devices() []specs.LinuxDevice {
	list := make([]specs.LinuxDevice, 0, 8)
	for range d.Array() {
		list = append(list, d.device())
	}
	return list
}

func (d *decoder) device() specs.LinuxDevice {
	var dev specs.LinuxDevice
	for key := range d.Object() {
		if d.Null() {
			continue
		}
		switch key {
		case "path":
			dev.Path = d.Text()
		case "type":
			dev.Type = d.Text()
		case "major":
			dev.Major = d.int64()
		case "minor":
			dev.Minor = d.int64()
		case "fileMode":
			mode := os.FileMode(d.uint32())
			dev.FileMode = &mode
		case "uid":
			uid := d.uint32()
			dev.UID = &uid
		case "gid":
			gid := d.uint32()
			dev.GID = &gid
		default:
			d.unknown(key, "path type major minor fileMode uid gid")
		}
	}
	return dev
}

func (d *decoder) timeOffsets() map[string]specs.LinuxTimeOffset {
	offsets := map[string]specs.LinuxTimeOffset{}
	for clock := range d.Object() {
		var o specs.LinuxTimeOffset
		for key := range d.Object() {
			if d.Null() {
				continue
			}
			switch key {
			case "secs":
				o.Secs = d.int64()
			case "nanosecs":
				o.Nanosecs = d.uint32()
			default:
				d.unknown(key, "secs nanosecs")
			}
		}
		offsets[clock] = o
	}
	return offsets
}
