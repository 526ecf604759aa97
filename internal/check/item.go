package check

import (
	"errors"
	"strings"

	"github.com/roost-run/roost/delegate"
	"github.com/roost-run/roost/internal/fault"
)

// State is how severe an item is.
type State uint8

// The states, the worst last.
const (
	OK      State = iota
	Note          // nothing is wrong; somebody may want to know
	Warning       // containers run, and something that many ask for does not work
	Error         // no container runs, or not this one
)

func (s State) String() string { return [...]string{"ok", "note", "warning", "error"}[s] }

// MarshalText is for JSON.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Who can do something about an item.
type Who string

// They are two. Who runs the container around this one is an administrator, too.
const (
	Nobody Who = ""
	User   Who = "user"
	Admin  Who = "administrator"
)

// Evidence is a place, usually a file, and what it says.
type Evidence struct {
	Source string `json:"source"`
	Says   string `json:"says"`
}

// Item is one answer.
type Item struct {
	ID       string     `json:"id"` // stable: AREA.NAME, see docs/check.md
	State    State      `json:"state"`
	Summary  string     `json:"summary"`
	Evidence []Evidence `json:"evidence,omitempty"`
	// Remedy is what to do: a sentence, and in further lines the very commands or lines of a file.
	Remedy string `json:"remedy,omitempty"`
	Who    Who    `json:"who,omitempty"`
	// Path is where in the configuration, of an item about a bundle, and Kind and Policy are those of docs/degrading.md.
	Path   string `json:"path,omitempty"`
	Kind   string `json:"kind,omitempty"`
	Policy string `json:"policy,omitempty"`

	brief brief
}

// brief is how an item is named in a line that sums up all of its area and state that begin alike. The zero value is none.
type brief struct{ begin, name string }

// says adds evidence.
func (i Item) says(source, text string) Item {
	i.Evidence = append(i.Evidence[:len(i.Evidence):len(i.Evidence)], Evidence{source, text})
	return i
}

// remedy adds what to do, and who can. Further lines are printed as they are.
func (i Item) remedy(who Who, lines ...string) Item {
	i.Who, i.Remedy = who, strings.Join(lines, "\n")
	return i
}

func ok(id, summary string) Item      { return Item{ID: id, State: OK, Summary: summary} }
func note(id, summary string) Item    { return Item{ID: id, State: Note, Summary: summary} }
func warning(id, summary string) Item { return Item{ID: id, State: Warning, Summary: summary} }
func wrong(id, summary string) Item   { return Item{ID: id, State: Error, Summary: summary} }

// because completes an item by an error: its sentence is the evidence of source, and its remedy the item's.
func (i Item) because(source string, err error) Item {
	text, hint := split(err)
	i = i.says(source, text)
	if hint != "" {
		who := User
		if strings.Contains(hint, "administrator") || strings.Contains(hint, "outer container") || strings.HasPrefix(hint, "install") {
			who = Admin
		}
		i = i.remedy(who, hint)
	}
	return i
}

// split parts an error's sentence from its remedy.
func split(err error) (text, hint string) {
	fault.Walk(err, func(e error) bool {
		switch e := e.(type) {
		case *delegate.NotDelegatedError:
			hint = e.Remedy
		case *delegate.NoBusError:
			hint = e.Remedy
		case *fault.Error:
			hint = e.Hint
		case fault.Remedier:
			hint = e.Remedy()
		}
		return hint == ""
	})
	text = err.Error()
	if before, _, found := strings.Cut(text, "; "+hint); found && hint != "" {
		text = before
	}
	var reasons interface{ Reasons() string }
	if errors.As(err, &reasons) {
		text = reasons.Reasons()
	}
	return text, hint
}

// Report is the answers to all questions.
type Report struct {
	Version int    `json:"version"` // of this schema
	State   State  `json:"state"`   // the worst of the items'
	Items   []Item `json:"items"`
}

// NewReport sums items up.
func NewReport(items []Item) Report {
	r := Report{Version: 1, Items: items}
	for _, i := range items {
		r.State = max(r.State, i.State)
	}
	return r
}

// ExitStatus is 0 where nothing is worse than a note, 2 for warnings and 3 for errors. 1 is the command's own failure.
func (r Report) ExitStatus() int {
	switch r.State {
	case Warning:
		return 2
	case Error:
		return 3
	}
	return 0
}
