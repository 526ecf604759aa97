package delegate

import "github.com/roost-run/roost/internal/dbus"

// Property is a property of a unit, as it is set on the bus.
type Property struct {
	Name      string
	Signature string // of its D-Bus type
	// Value is a Go value for the signature: bool b, uint32 u, uint64 t, int32 i, int64 x, string s, []string as, []byte ay,
	// []any for structs and other arrays.
	Value any
	Since int // the version of systemd that brought it; 0 is any that matters
	// Path is where it was asked for: "linux.resources.memory.limit".
	Path      string
	essential bool
}

// wire is the struct (sv).
func (p Property) wire() any {
	return []any{p.Name, dbus.Variant{Signature: p.Signature, Value: p.Value}}
}
