package delegate

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// annotationPrefix is what runc and crun read, and engines write.
const annotationPrefix = "org.systemd.property."

// Annotations are the properties that annotations org.systemd.property.NAME set, in the order of their names. Values are GVariant
// text ("'a text'", "uint64 5", "['a', 'b']", "true"). A name in "Sec" takes seconds, and is sent as the microseconds that the bus has
// instead. What makes a scope a container's cannot be set so, and is an error, as is what cannot be read.
func Annotations(annotations map[string]string) (props []Property, errs []error) {
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		name, ok := strings.CutPrefix(key, annotationPrefix)
		if !ok {
			continue
		}
		p, err := annotation(name, annotations[key])
		if err != nil {
			errs = append(errs, fmt.Errorf("annotations[%q]: %w", key, err))
			continue
		}
		p.Path = "annotations." + key
		props = append(props, p)
	}
	return props, errs
}

// ours are set by roost or would take the scope away from it.
var ours = [...]string{
	"Delegate", "DelegateControllers", "DelegateSubgroup", "Slice", "PIDs", "PIDFDs", "CollectMode", "Controller", "RemainAfterExit", "Transient",
}

func annotation(name, text string) (Property, error) {
	for i := range len(name) {
		if !alnum(name[i]) {
			name = ""
			break
		}
	}
	if name == "" || name[0] < 'A' || name[0] > 'Z' {
		return Property{}, fmt.Errorf("no name of a property: letters and digits, the first a capital")
	}
	if slices.Contains(ours[:], name) {
		return Property{}, fmt.Errorf("this property is set by roost and cannot be another")
	}
	signature, value, err := parseVariant(text)
	if err != nil {
		return Property{}, fmt.Errorf("%q: %w", text, err)
	}
	// "TimeoutStopSec", and not "USec", which is the name on the bus.
	if n := len(name); n > 4 && strings.HasSuffix(name, "Sec") && name[n-4] >= 'a' && name[n-4] <= 'z' {
		if value, err = microseconds(value); err != nil {
			return Property{}, fmt.Errorf("%q: %w", text, err)
		}
		name, signature = name[:n-3]+"USec", "t"
	}
	return Property{Name: name, Signature: signature, Value: value}, nil
}

// microseconds turns seconds of any type of number.
func microseconds(value any) (uint64, error) {
	var seconds float64
	switch v := value.(type) {
	case uint64:
		if v > math.MaxUint64/1_000_000 {
			return math.MaxUint64, nil // infinity, to systemd
		}
		return v * 1_000_000, nil
	case byte:
		seconds = float64(v)
	case int16:
		seconds = float64(v)
	case uint16:
		seconds = float64(v)
	case int32:
		seconds = float64(v)
	case uint32:
		seconds = float64(v)
	case int64:
		seconds = float64(v)
	case float64:
		seconds = v
	default:
		return 0, fmt.Errorf("no number of seconds")
	}
	if !(seconds >= 0 && seconds < 1<<43) {
		return 0, fmt.Errorf("no number of seconds that can be")
	}
	return uint64(math.Round(seconds * 1e6)), nil
}
