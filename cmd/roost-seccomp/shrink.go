package main

import (
	"errors"
	"slices"

	"golang.org/x/sys/unix"
)

// shrink makes a smaller filter that answers the same. libseccomp compares with each number that a profile names; most of an
// engine's profile are runs of numbers with one answer. A filter costs when it is installed: the kernel compiles it, and runs it
// for every number that there is.
//
// For each architecture the old filter is followed with each number that it could tell from its neighbours. What comes out are
// ranges of numbers with one answer, or with one place where the arguments are looked at; that part is kept as it is. The new filter
// is a tree over the ranges. Where it is not smaller, or what the old one does is not understood, the old one stays; and so it does
// if the two do not agree in all that can be told apart.
func shrink(old []unix.SockFilter) []unix.SockFilter {
	plan, err := understand(old)
	if err != nil {
		return old
	}
	p := plan.build(old)
	if len(p) >= len(old) || !plan.agrees(old, p) {
		return old
	}
	return p
}

// leaf is what becomes of a range: an answer, or a place in the old filter that looks at arguments.
type leaf struct {
	answer uint32
	entry  int // -1 for an answer
}

// span begins at a number and goes up to the next one's.
type span struct {
	from uint32
	leaf leaf
}

// section is one architecture's.
type section struct {
	machine uint32
	spans   []span
}

// understood is what a filter does.
type understood struct {
	sections []section
	rest     []span   // of all other architectures
	edges    []uint32 // where a number may be told from the one before
}

var errNotUnderstood = errors.New("not understood")

func understand(p []unix.SockFilter) (*understood, error) {
	u := &understood{edges: []uint32{0}}
	for _, i := range p {
		switch i.Code {
		case opEqual, opGreater, opNotBelow:
			u.edges = append(u.edges, i.K)
			if i.K+1 != 0 {
				u.edges = append(u.edges, i.K+1)
			}
		}
	}
	slices.Sort(u.edges)
	u.edges = slices.Compact(u.edges)
	machines := machinesIn(p)
	for _, m := range machines {
		spans, err := u.spans(p, m, false)
		if err != nil {
			return nil, err
		}
		u.sections = append(u.sections, section{m, spans})
	}
	var err error
	u.rest, err = u.spans(p, 0, true)
	return u, err
}

// What the accumulator holds.
const (
	holdsNothing = iota
	holdsMachine
	holdsNumber
)

// machinesIn finds what the architecture is compared with, on whatever way through the filter.
func machinesIn(p []unix.SockFilter) (list []uint32) {
	type place struct{ pc, holds int }
	seen := make(map[place]bool)
	todo := []place{{0, holdsNothing}}
	for len(todo) > 0 {
		at := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if at.pc >= len(p) || seen[at] {
			continue
		}
		seen[at] = true
		next := func(offset int, holds int) { todo = append(todo, place{at.pc + 1 + offset, holds}) }
		switch i := p[at.pc]; i.Code {
		case opReturn:
		case opJump:
			todo = append(todo, place{ahead(p, at.pc, i.K), at.holds})
		case opEqual, opGreater, opNotBelow, opAnyBit:
			if i.Code == opEqual && at.holds == holdsMachine && !slices.Contains(list, i.K) {
				list = append(list, i.K)
			}
			next(int(i.Jf), at.holds)
			next(int(i.Jt), at.holds)
		case opLoad:
			next(0, map[uint32]int{dataArch: holdsMachine, dataNr: holdsNumber}[i.K])
		default:
			next(0, holdsNothing)
		}
	}
	return list
}

func (u *understood) spans(p []unix.SockFilter, machine uint32, other bool) (list []span, err error) {
	for _, nr := range u.edges {
		l, err := follow(p, machine, other, nr)
		if err != nil {
			return nil, err
		}
		if n := len(list); n == 0 || list[n-1].leaf != l {
			list = append(list, span{nr, l})
		}
	}
	return list, nil
}

// follow goes through the filter for one number of one architecture, or of one that the filter does not compare with, up to an
// answer or to where it looks at something else.
func follow(p []unix.SockFilter, machine uint32, other bool, nr uint32) (leaf, error) {
	holds := holdsNothing
	for pc := 0; pc < len(p); pc++ {
		i := p[pc]
		switch i.Code {
		case opReturn:
			return leaf{i.K, -1}, nil
		case opLoad:
			switch i.K {
			case dataArch:
				holds = holdsMachine
			case dataNr:
				holds = holdsNumber
			default: // which overwrites what was there: nothing before counts
				return leaf{0, pc}, nil
			}
		case opJump:
			pc = ahead(p, pc, i.K) - 1
		case opEqual, opGreater, opNotBelow:
			value := nr
			if holds == holdsMachine {
				value = machine
			}
			yes := compare(i.Code, value, i.K)
			switch {
			case holds == holdsNothing, holds == holdsMachine && other && i.Code != opEqual:
				return leaf{}, errNotUnderstood
			case holds == holdsMachine && other:
				yes = false
			}
			if yes {
				pc += int(i.Jt)
			} else {
				pc += int(i.Jf)
			}
		default:
			return leaf{}, errNotUnderstood
		}
	}
	return leaf{}, errNotUnderstood
}
