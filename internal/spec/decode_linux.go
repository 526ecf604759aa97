package spec

import (
	"math"
	"os"

	specs "github.com/opencontainers/runtime-spec/specs-go"
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
		case "sysctl", "netDevices":
			d.refuseNamed()
		case "intelRdt": // even an empty one asks for a group
			if !d.Null() {
				d.report.refuse(d.Path(), notSupported(d.Path()))
				d.Skip()
			}
		case "seccomp", "mountLabel", "memoryPolicy", "personality":
			d.refuse()
		default:
			d.unknown(key, "uidMappings gidMappings namespaces devices rootfsPropagation maskedPaths readonlyPaths cgroupsPath "+
				"timeOffsets resources sysctl netDevices seccomp mountLabel intelRdt memoryPolicy personality")
		}
	}
	return l
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
			dev.Major = d.Int(math.MinInt64, math.MaxInt64)
		case "minor":
			dev.Minor = d.Int(math.MinInt64, math.MaxInt64)
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
				o.Secs = d.Int(math.MinInt64, math.MaxInt64)
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

// resources keeps the device rules, which validation judges, and refuses whatever else asks for something.
func (d *decoder) resources() *specs.LinuxResources {
	r := &specs.LinuxResources{}
	for key := range d.Object() {
		if d.Null() {
			continue
		}
		switch key {
		case "devices":
			r.Devices = d.deviceRules()
		case "memory", "cpu", "pids", "blockIO", "network", "rdma":
			d.refuseMembers()
		case "unified":
			d.refuseNamed()
		case "hugepageLimits":
			d.refuse()
		default:
			d.unknown(key, "devices memory cpu pids blockIO network rdma unified hugepageLimits")
		}
	}
	return r
}

func (d *decoder) deviceRules() []specs.LinuxDeviceCgroup {
	var list []specs.LinuxDeviceCgroup
	for range d.Array() {
		var r specs.LinuxDeviceCgroup
		for key := range d.Object() {
			if d.Null() {
				continue
			}
			switch key {
			case "allow":
				r.Allow = d.Bool()
			case "type":
				r.Type = d.Text()
			case "major":
				major := d.Int(math.MinInt64, math.MaxInt64)
				r.Major = &major
			case "minor":
				minor := d.Int(math.MinInt64, math.MaxInt64)
				r.Minor = &minor
			case "access":
				r.Access = d.Text()
			default:
				d.unknown(key, "allow type major minor access")
			}
		}
		list = append(list, r)
	}
	return list
}
