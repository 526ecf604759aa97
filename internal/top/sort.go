package top

import (
	"cmp"
	"slices"
)

// Orders are the words for what a table can be sorted by, in the order in which a key goes through them.
func Orders() []string { return []string{"cpu", "memory", "psi", "pids", "id"} }

// NextOrder is the one after.
func NextOrder(order string) string {
	all := Orders()
	return all[(slices.Index(all, order)+1)%len(all)]
}

// Sort puts the largest first, and those that are equal, or all by "id", by their ids: rows stay where they are while nothing changes.
func Sort(rows []Row, order string) {
	slices.SortFunc(rows, func(a, b Row) int {
		return cmp.Or(cmp.Compare(b.by(order), a.by(order)), cmp.Compare(a.ID, b.ID))
	})
}

func (r Row) by(order string) float64 {
	switch order {
	case "cpu":
		return r.Share
	case "memory":
		return float64(r.Memory)
	case "pids":
		return float64(r.Tasks)
	case "psi":
		if r.Pressure == nil {
			return -1
		}
		return max(r.Pressure.CPU, r.Pressure.Memory, r.Pressure.IO)
	}
	return 0
}
