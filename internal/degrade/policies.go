package degrade

import (
	"fmt"
	"strings"
)

// Annotation is the annotation that makes policies stricter: "KIND=POLICY", several separated by commas. It never makes one
// looser, since annotations may come from an image.
const Annotation = "run.roost.degrade"

// Policies are the policies in force. The zero value is the defaults.
type Policies struct{ set map[Kind]Policy }

// For is the policy for a kind; what is not known is denied.
func (p Policies) For(k Kind) Policy {
	if policy, ok := p.set[k]; ok {
		return policy
	}
	policy, _ := byDefault(k)
	return policy
}

func byDefault(k Kind) (Policy, bool) {
	for _, r := range rules() {
		if r.kind == k {
			return r.policy, true
		}
	}
	return Deny, false
}

// Allows reports whether a container may run without it.
func (p Policies) Allows(k Kind) bool { return p.For(k) != Deny }

// Set reads words such as "sysfs=deny" or "memory=warn,cpu=warn"; "all=POLICY" is every kind. The error names every word that is wrong.
func (p *Policies) Set(words ...string) error { return p.apply(words) }

// Tighten is Set for the annotation: what would make a policy looser has no effect, and is returned.
func (p *Policies) Tighten(value string) (looser []string, err error) {
	before := *p
	if err := p.apply([]string{value}); err != nil {
		*p = before
		return nil, fmt.Errorf("annotations[%q]: %w", Annotation, err)
	}
	for _, r := range rules() {
		if p.For(r.kind) < before.For(r.kind) {
			looser = append(looser, string(r.kind)+"="+p.For(r.kind).String())
			p.set[r.kind] = before.For(r.kind)
		}
	}
	return looser, nil
}

func (p *Policies) apply(words []string) error {
	var wrong []string
	set := make(map[Kind]Policy, len(p.set)+1)
	for k, v := range p.set {
		set[k] = v
	}
	for _, list := range words {
		for word := range strings.SplitSeq(list, ",") {
			name, value, ok := strings.Cut(strings.TrimSpace(word), "=")
			policy, known := parse(value)
			_, kind := byDefault(Kind(name))
			switch {
			case !ok || !known:
				wrong = append(wrong, fmt.Sprintf("%q: write KIND=deny, KIND=warn or KIND=ignore", word))
			case name == "all":
				for _, r := range rules() {
					set[r.kind] = policy
				}
			case !kind:
				wrong = append(wrong, fmt.Sprintf("%q: no such kind; there are %s", word, strings.Join(Names(), ", ")))
			default:
				set[Kind(name)] = policy
			}
		}
	}
	if wrong != nil {
		return fmt.Errorf("%s", strings.Join(wrong, "; "))
	}
	p.set = set
	return nil
}

func parse(word string) (Policy, bool) {
	for _, p := range []Policy{Ignore, Warn, Deny} {
		if p.String() == word {
			return p, true
		}
	}
	return Deny, false
}

// Names are the kinds, for messages and completions.
func Names() []string {
	var names []string
	for _, r := range rules() {
		names = append(names, string(r.kind))
	}
	return names
}

// Remedy is the end of an error about something that the kind's policy denies.
func Remedy(k Kind) string { return "or run without it: --degrade " + string(k) + "=warn" }
