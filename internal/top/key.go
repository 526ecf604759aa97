package top

// Key is something that a person asks for.
type Key uint8

// What keys ask for.
const (
	Quit     Key = iota + 1 // q, ^C
	Suspend                 // ^Z
	Reorder                 // s
	Up                      // the arrows, or k and j
	Down                    //
	PageUp                  //
	PageDown                // the keys of that name, or space
	Redraw                  // ^L
)

// sequences are what terminals send; those of xterm, which all others follow (ctlseqs, "PC-Style Function Keys").
func sequences() map[string]Key {
	return map[string]Key{
		"q": Quit, "Q": Quit, "\x03": Quit, "\x1a": Suspend, "s": Reorder, "k": Up, "j": Down, " ": PageDown, "\x0c": Redraw,
		"\x1b[A": Up, "\x1bOA": Up, "\x1b[B": Down, "\x1bOB": Down, "\x1b[5~": PageUp, "\x1b[6~": PageDown,
	}
}

// Keys reads what was typed. A sequence that is not finished is left over, for more to come; what means nothing is dropped, an unknown sequence
// as a whole: its letters are not what somebody typed.
func Keys(typed []byte) (keys []Key, left []byte) {
	known := sequences()
	for len(typed) > 0 {
		n := sequence(typed)
		if n == 0 {
			return keys, typed
		}
		if k, ok := known[string(typed[:n])]; ok {
			keys = append(keys, k)
		}
		typed = typed[n:]
	}
	return keys, nil
}

// longestSequence ends what never ends.
const longestSequence = 32

// sequence is the length of the first one: a byte, or what an escape begins (ECMA-48 5.4): 0 when it is not finished.
func sequence(b []byte) int {
	if b[0] != 0x1b {
		return 1
	}
	if len(b) == 1 {
		return 0
	}
	switch b[1] {
	case 'O':
		if len(b) < 3 {
			return 0
		}
		return 3
	case '[':
	default:
		return 2
	}
	for i := 2; i < len(b); i++ {
		if b[i] >= 0x40 && b[i] <= 0x7e {
			return i + 1
		}
	}
	if len(b) >= longestSequence {
		return len(b)
	}
	return 0
}
