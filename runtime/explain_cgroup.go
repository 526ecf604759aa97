package runtime

import "fmt"

// cgroupJSON is a Cgroup for machines.
type cgroupJSON struct {
	Mode        string        `json:"mode"` // inherit, split, path, scope
	Why         string        `json:"why"`
	Path        string        `json:"path,omitempty"` // in the file system; "…" stands for what makes the name one's own
	Unit        string        `json:"unit,omitempty"`
	Slice       string        `json:"slice,omitempty"`
	Manager     string        `json:"manager,omitempty"` // user, system
	DeviceRules int           `json:"deviceRules,omitempty"`
	Settings    []settingJSON `json:"settings"`
	Owner       int           `json:"owner,omitempty"`
}

type settingJSON struct {
	File  string `json:"file"`
	Value string `json:"value"`
	From  string `json:"from"` // where in the configuration
}

func (c *Cgroup) asJSON() *cgroupJSON {
	if c == nil {
		return nil
	}
	out := &cgroupJSON{
		Mode: c.Mode, Why: c.Why, Unit: c.Unit, Slice: c.Slice, Manager: c.Bus, DeviceRules: len(c.Devices), Owner: c.Owner,
		Settings: []settingJSON{},
	}
	if c.Unit == "" {
		out.Path = c.path() + onlyIf(c.Own, "…")
	}
	for _, s := range c.Settings {
		out.Settings = append(out.Settings, settingJSON{s.File, s.Value, s.Path})
	}
	return out
}

func (c *Cgroup) explain(line func(name, format string, args ...any)) {
	if c == nil {
		line("cgroup", "the caller's")
		return
	}
	where := c.path() + onlyIf(c.Own, "…")
	if c.Unit != "" {
		where = fmt.Sprintf("that of the unit %s in %s, by the %s manager of systemd", c.Unit, c.Slice, c.Bus)
	}
	line("cgroup", "%s%s (%s: %s)", where, onlyIf(c.Filter, fmt.Sprintf(", with a filter of devices (%d rules)", len(c.Devices))), c.Mode, c.Why)
	for _, s := range c.Settings {
		line("  limit", "%s = %s, by %s", s.File, s.Value, s.Path)
	}
	if c.Owner != 0 {
		line("  owner", "user %d of the host, who may make cgroups in it", c.Owner)
	}
}
