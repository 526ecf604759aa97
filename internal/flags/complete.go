package flags

import "strings"

// Place is where a command line that is being typed stands.
type Place struct {
	Flag       *Flag // the flag whose value comes next, or nil
	Positional int   // how many positional arguments there are already
	Over       bool  // no more flags: after "--", or behind the first positional of a command that stops there
	First      int   // index of the first positional argument, -1 without one
}

// Walk reads words, which are complete, without setting anything and without minding errors.
func (c *Command) Walk(words []string) Place {
	p := Place{First: -1}
	for i, word := range words {
		switch {
		case p.Flag != nil:
			p.Flag = nil
		case !p.Over && word == "--":
			p.Over = true
		case p.Over || len(word) < 2 || word[0] != '-':
			if p.First < 0 {
				p.First = i
			}
			p.Positional++
			p.Over = p.Over || c.Stop
		default:
			p.Flag = c.pending(word)
		}
	}
	return p
}

// pending is the flag in word that takes its value from the next word, or nil.
func (c *Command) pending(word string) *Flag {
	name := strings.TrimPrefix(word[1:], "-")
	if f := c.Find(name); f != nil {
		if f.IsBool() {
			return nil
		}
		return f
	}
	if word[1] == '-' || strings.Contains(word, "=") {
		return nil
	}
	for i := 1; i < len(word); i++ {
		f := c.findShort(word[i])
		if f == nil {
			return nil
		}
		if !f.IsBool() {
			if i == len(word)-1 {
				return f
			}
			return nil
		}
	}
	return nil
}

// Hint says what the positional argument with that index is.
func (c *Command) Hint(positional int) Hint {
	switch {
	case len(c.Complete) == 0, c.Max >= 0 && positional >= c.Max:
		return Nothing
	case positional < len(c.Complete):
		return c.Complete[positional]
	}
	return c.Complete[len(c.Complete)-1]
}

// Offer lists the flags whose long names start as typed does, as rows of name and help.
func (c *Command) Offer(typed string) [][2]string {
	var rows [][2]string
	for i := range c.Flags {
		f := &c.Flags[i]
		if f.Hidden || f.Unsupported != "" {
			continue
		}
		if name := "--" + f.Name; strings.HasPrefix(name, typed) {
			rows = append(rows, [2]string{name, f.Help})
		}
	}
	return rows
}
