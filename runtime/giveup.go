package runtime

import (
	"slices"
	"syscall"

	"github.com/roost-run/roost/internal/degrade"
	"github.com/roost-run/roost/internal/launch"
)

// giveUp lists something that the configuration asks for and cannot have here, or, where the policy for its kind is to deny,
// refuses it. The text says what is lacking.
func (p *Plan) giveUp(kind degrade.Kind, path, text string, bad *planError) {
	switch p.Policies.For(kind) {
	case degrade.Deny:
		bad.problems = append(bad.problems, Problem{Path: path, Text: text + "; " + degrade.Remedy(kind), Kind: string(kind)})
	case degrade.Warn:
		p.GivenUp = append(p.GivenUp, Problem{Path: path, Text: text, Kind: string(kind), Loud: true})
	default:
		p.GivenUp = append(p.GivenUp, Problem{Path: path, Text: text, Kind: string(kind)})
	}
}

// allows reports whether the program may go on without a thing of this kind: if so, a step has a way around it that ends in a
// note; and if not, it fails.
func (c *compiler) allows(kind degrade.Kind) bool { return c.policies.Allows(kind) }

// denied says of a step that it fails for want of a thing of this kind, if the policy is to deny it: the remedy ends with the flag.
func (c *compiler) denied(r launch.StepRef, kind degrade.Kind, remedy string) launch.StepRef {
	if c.allows(kind) {
		return r.Remedy(remedy)
	}
	if remedy != "" {
		remedy += "; "
	}
	return r.Kind(string(kind)).Remedy(remedy + degrade.Remedy(kind))
}

// note lists something that was given up, if the steps get here.
func (c *compiler) note(kind degrade.Kind, path, text string) {
	c.Note(c.say("give up: ", text), len(c.notes))
	c.notes = append(c.notes, Problem{Path: path, Text: text, Loud: c.policies.For(kind) == degrade.Warn})
}

// noted are the notes that a program told, by their numbers.
func noted(notes []Problem, numbers []int) []Problem {
	var list []Problem
	for _, n := range numbers {
		if n < len(notes) {
			list = append(list, notes[n])
		}
	}
	return list
}

// tell logs what was given up.
func (s *Store) tell(id string, list []Problem) {
	for _, p := range list {
		log := s.log.Debug
		if p.Loud {
			log = s.log.Warn
		}
		log("given up", "id", id, "path", p.Path, "reason", p.Text)
	}
}

// policies are those of the caller, made stricter by the annotation.
func policies(given degrade.Policies, annotations map[string]string) (degrade.Policies, []Problem, error) {
	value, ok := annotations[degrade.Annotation]
	if !ok {
		return given, nil, nil
	}
	looser, err := given.Tighten(value)
	if err != nil {
		return given, nil, err
	}
	var list []Problem
	for _, word := range slices.Sorted(slices.Values(looser)) {
		list = append(list, Problem{Path: "annotations." + degrade.Annotation, Loud: true,
			Text: word + " would be looser than what the caller said, and an annotation may come from an image: no effect; say it with --degrade"})
	}
	return given, list, nil
}

// orGiveUp has a way around steps just added that the container may do without: where one of them is refused with one of these
// errnos, that is noted.
func (c *compiler) orGiveUp(kind degrade.Kind, path, text string, steps []launch.StepRef, errnos ...syscall.Errno) {
	if !c.allows(kind) {
		for _, s := range steps {
			s.Kind(string(kind))
		}
		return
	}
	refused, done := c.Label(), c.Label()
	for _, s := range steps {
		s.On(refused, errnos...)
	}
	c.Jump(done)
	c.Place(refused)
	c.note(kind, path, text)
	c.Place(done)
}
