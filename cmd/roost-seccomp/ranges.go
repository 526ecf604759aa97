package main

import (
	"cmp"
	"math/rand/v2"
	"slices"

	"golang.org/x/sys/unix"
)

// writer puts a new filter together.
type writer struct {
	p       []unix.SockFilter
	entries map[int][]int // jumps to places of the old filter, by those
}

func (w *writer) op(code uint16, k uint32, jt, jf int) {
	w.p = append(w.p, unix.SockFilter{Code: code, Jt: uint8(jt), Jf: uint8(jf), K: k})
}

// build is the new filter:
//
//	load the architecture
//	for each: not this one → the next; → its tree
//	the tree of all others
//	the trees
//	what looks at arguments, as it was
func (u *understood) build(old []unix.SockFilter) []unix.SockFilter {
	w := &writer{entries: make(map[int][]int)}
	w.op(opLoad, dataArch, 0, 0)
	var jumps []int
	for _, s := range u.sections {
		w.op(opEqual, s.machine, 0, 1)
		jumps = append(jumps, len(w.p))
		w.op(opJump, 0, 0, 0)
	}
	w.section(u.rest)
	for i, s := range u.sections {
		w.p[jumps[i]].K = uint32(len(w.p) - jumps[i] - 1)
		w.section(s.spans)
	}
	w.copy(old)
	return w.p
}

func (w *writer) section(spans []span) {
	if len(spans) > 1 {
		w.op(opLoad, dataNr, 0, 0)
	}
	w.tree(spans)
}

// far is more than a conditional jump reaches.
const far = 255

// tree halves the ranges until one is left.
func (w *writer) tree(spans []span) {
	if len(spans) == 1 {
		if l := spans[0].leaf; l.entry < 0 {
			w.op(opReturn, l.answer, 0, 0)
		} else {
			w.entries[l.entry] = append(w.entries[l.entry], len(w.p))
			w.op(opJump, 0, 0, 0)
		}
		return
	}
	middle := len(spans) / 2
	below, above := spans[:middle], spans[middle:]
	if n := treeSize(below); n <= far {
		w.op(opNotBelow, above[0].from, n, 0)
	} else {
		w.op(opNotBelow, above[0].from, 0, 1)
		w.op(opJump, uint32(n), 0, 0)
	}
	w.tree(below)
	w.tree(above)
}

func treeSize(spans []span) int {
	if len(spans) == 1 {
		return 1
	}
	middle := len(spans) / 2
	below := treeSize(spans[:middle])
	n := 1 + below + treeSize(spans[middle:])
	if below > far {
		n++
	}
	return n
}

// copy takes over what can be reached from the entries. It stays in its order, so that every jump goes forward and no farther than
// it did.
func (w *writer) copy(old []unix.SockFilter) {
	var entries []int
	for entry := range w.entries {
		entries = append(entries, entry)
	}
	order := reachable(old, entries)
	at := make(map[int]int, len(order))
	for i, pc := range order {
		at[pc] = len(w.p) + i
	}
	for _, pc := range order {
		i, here := old[pc], at[pc]
		switch t := targets(old, pc); i.Code {
		case opJump:
			i.K = uint32(at[t[0]] - here - 1)
		case opEqual, opGreater, opNotBelow, opAnyBit:
			i.Jt, i.Jf = uint8(at[t[0]]-here-1), uint8(at[t[1]]-here-1)
		}
		w.p = append(w.p, i)
	}
	for entry, jumps := range w.entries {
		for _, from := range jumps {
			w.p[from].K = uint32(at[entry] - from - 1)
		}
	}
}

// reachable is every place that can be got to from these, in order.
func reachable(p []unix.SockFilter, todo []int) (order []int) {
	reached := make(map[int]bool)
	for len(todo) > 0 {
		pc := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if pc >= len(p) || reached[pc] {
			continue
		}
		reached[pc] = true
		order = append(order, pc)
		todo = append(todo, targets(p, pc)...)
	}
	slices.Sort(order)
	return order
}

// targets are what may come after an instruction: of a comparison, if it holds and if it does not.
func targets(p []unix.SockFilter, pc int) []int {
	switch i := p[pc]; i.Code {
	case opReturn:
		return nil
	case opJump:
		return []int{ahead(p, pc, i.K)}
	case opEqual, opGreater, opNotBelow, opAnyBit:
		return []int{pc + 1 + int(i.Jt), pc + 1 + int(i.Jf)}
	}
	return []int{pc + 1}
}

// agrees holds the two filters against each other: for every architecture that they compare with and one more, with every number
// that they could tell from its neighbours, and, where arguments are looked at, with words that they are compared with there.
func (u *understood) agrees(a, b []unix.SockFilter) bool {
	random := rand.New(rand.NewPCG(1, 2)) // the same every time
	other := section{spans: u.rest}
	for slices.ContainsFunc(u.sections, func(s section) bool { return s.machine == other.machine }) {
		other.machine++
	}
	words := make(map[int][]uint32) // by entry
	for _, s := range append(u.sections[:len(u.sections):len(u.sections)], other) {
		for i, nr := range u.edges {
			l := leafOf(s.spans, nr)
			if l.entry >= 0 && words[l.entry] == nil {
				words[l.entry] = wordsIn(a, l.entry)
			}
			tries := 2
			if l.entry >= 0 {
				tries = 300
			}
			last := uint32(1<<32 - 1) // of those that are not told from this one
			if i+1 < len(u.edges) {
				last = u.edges[i+1] - 1
			}
			for try := range tries {
				c := call{machine: s.machine, nr: nr}
				if try%2 == 1 {
					c.nr = last
				}
				for k := range c.args {
					c.args[k] = pick(random, words[l.entry])
				}
				x, errA := interpret(a, c)
				y, errB := interpret(b, c)
				if x != y || errA != nil || errB != nil {
					return false
				}
			}
		}
	}
	return true
}

func leafOf(spans []span, nr uint32) leaf {
	i, found := slices.BinarySearchFunc(spans, nr, func(s span, n uint32) int { return cmp.Compare(s.from, n) })
	if !found {
		i--
	}
	return spans[i].leaf
}

// wordsIn are those that arguments are compared with from a place on, and their neighbours.
func wordsIn(p []unix.SockFilter, entry int) (words []uint32) {
	for _, pc := range reachable(p, []int{entry}) {
		switch i := p[pc]; i.Code {
		case opEqual, opGreater, opNotBelow, opAnyBit, opAnd:
			words = append(words, i.K, i.K+1, i.K-1)
		}
	}
	return words
}

// pick is an argument: one word of two, or both, from the list, and the other small.
func pick(random *rand.Rand, words []uint32) uint64 {
	if len(words) == 0 {
		return random.Uint64()
	}
	word := func() uint64 { return uint64(words[random.IntN(len(words))]) }
	switch random.IntN(4) {
	case 0:
		return word()<<32 | word()
	case 1:
		return word() << 32
	}
	return word()
}
