package runtime

import (
	"fmt"
	"os"
	"strings"
)

// hostMounts lists what is mounted outside of the container, the latest first.
func hostMounts() ([]HostMount, error) {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, fmt.Errorf("--no-pivot: %w", err)
	}
	return parseMounts(string(text)), nil
}

// parseMounts reads a mountinfo, proc(5).
func parseMounts(text string) []HostMount {
	var list []HostMount
	for line := range strings.Lines(text) {
		left, right, ok := strings.Cut(line, " - ")
		fields := strings.Fields(left)
		if !ok || len(fields) < 6 {
			continue
		}
		kind, _, _ := strings.Cut(right, " ")
		list = append(list, HostMount{Path: unescape(fields[4]), Reveals: fields[3] == "/" && (kind == "proc" || kind == "sysfs")})
	}
	for i, j := 0, len(list)-1; i < j; i, j = i+1, j-1 {
		list[i], list[j] = list[j], list[i]
	}
	return list
}

// unescape undoes the kernel's \040 for a space and the like.
func unescape(s string) string {
	var b strings.Builder
	octal := func(c byte) bool { return c >= '0' && c <= '7' }
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) && octal(s[i+1]) && octal(s[i+2]) && octal(s[i+3]) {
			b.WriteByte((s[i+1]-'0')<<6 | (s[i+2]-'0')<<3 | (s[i+3] - '0'))
			i += 3
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
