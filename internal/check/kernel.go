package check

import "github.com/roost-run/roost/internal/probe"

// kernelItems are one for each feature.
func kernelItems(features []probe.Feature) []Item {
	var list []Item
	for _, f := range features {
		list = append(list, kernelItem(f))
	}
	return list
}

func kernelItem(f probe.Feature) Item {
	id := "kernel." + f.Name
	said := ""
	if f.Answer.Err != nil {
		said = f.Answer.Err.Error()
	}
	switch {
	case f.Answer.Verdict == probe.Yes:
		i := ok(id, f.Name+", for "+f.For)
		i.brief = brief{"", f.Name}
		return i
	case f.Answer.Verdict == probe.Unknown:
		return note(id, "whether the kernel has "+f.Name+" ("+f.For+") cannot be told: something refuses to say").says(f.Name, said)
	case f.Needed:
		return wrong(id, "no "+f.Name+", without which no container starts: "+f.For).says(f.Name, said).
			remedy(Admin, "boot Linux 5.14 or newer; in a container, have its filter of system calls allow "+f.Name)
	}
	return note(id, "no "+f.Name+": "+f.For).says(f.Name, said)
}
