package spec

import (
	"math"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

func (d *decoder) blockIO() *specs.LinuxBlockIO {
	b := &specs.LinuxBlockIO{}
	for key := range d.Object() {
		if d.Null() {
			continue
		}
		switch key {
		case "weight":
			b.Weight = to(d.uint16())
		case "leafWeight":
			b.LeafWeight = to(d.uint16())
		case "weightDevice":
			b.WeightDevice = each(d, d.weightDevice)
		case "throttleReadBpsDevice":
			b.ThrottleReadBpsDevice = each(d, d.throttleDevice)
		case "throttleWriteBpsDevice":
			b.ThrottleWriteBpsDevice = each(d, d.throttleDevice)
		case "throttleReadIOPSDevice":
			b.ThrottleReadIOPSDevice = each(d, d.throttleDevice)
		case "throttleWriteIOPSDevice":
			b.ThrottleWriteIOPSDevice = each(d, d.throttleDevice)
		default:
			d.unknown(key, "weight leafWeight weightDevice throttleReadBpsDevice throttleWriteBpsDevice throttleReadIOPSDevice "+
				"throttleWriteIOPSDevice")
		}
	}
	return b
}

func (d *decoder) weightDevice() specs.LinuxWeightDevice {
	var w specs.LinuxWeightDevice
	for key := range d.Object() {
		if d.Null() {
			continue
		}
		switch key {
		case "major":
			w.Major = d.int64()
		case "minor":
			w.Minor = d.int64()
		case "weight":
			w.Weight = to(d.uint16())
		case "leafWeight":
			w.LeafWeight = to(d.uint16())
		default:
			d.unknown(key, "major minor weight leafWeight")
		}
	}
	return w
}

func (d *decoder) throttleDevice() specs.LinuxThrottleDevice {
	var t specs.LinuxThrottleDevice
	for key := range d.Object() {
		if d.Null() {
			continue
		}
		switch key {
		case "major":
			t.Major = d.int64()
		case "minor":
			t.Minor = d.int64()
		case "rate":
			t.Rate = d.Uint(math.MaxUint64)
		default:
			d.unknown(key, "major minor rate")
		}
	}
	return t
}
