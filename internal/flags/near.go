package flags

import "strings"

// near lists the long flags that somebody who wrote name may have meant: at most three.
func (c *Command) near(name string) []string {
	var found []string
	for i := range c.Flags {
		f := &c.Flags[i]
		if f.Hidden || f.Unsupported != "" || len(found) == 3 {
			continue
		}
		if Near(name, f.Name) {
			found = append(found, "--"+f.Name)
		}
	}
	return found
}

// Near tells whether typed looks like a slip of want: one contains the start of the other, or a few letters differ.
func Near(typed, want string) bool {
	if len(typed) >= 3 && (strings.HasPrefix(want, typed) || strings.Contains(want, "-"+typed)) {
		return true
	}
	allowed := 1
	if len(want) > 4 {
		allowed = 2
	}
	if len(typed) > len(want)+allowed || len(want) > len(typed)+allowed {
		return false // also bounds the work below by the length of our own names
	}
	return distance(typed, want) <= allowed
}

// distance is the number of letters to change, add, leave out or swap with their neighbour.
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := last[j-1]
			if a[i-1] != b[j-1] {
				change++
			}
			row[j] = min(change, last[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
