package runtime

import (
	"fmt"
	"strings"

	"github.com/roost-run/roost/internal/fault"
)

// maxID is what a file name can be long, man 7 path_resolution.
const maxID = 255

// checkID allows what can be a file name everywhere and an argument without quotes: letters, digits and "_+.-". The words
// around ErrInvalidID say what is wrong.
func checkID(id string) error {
	switch {
	case id == "":
		return fmt.Errorf("%w: it is empty", ErrInvalidID)
	case len(id) > maxID:
		return fmt.Errorf("%w: %d bytes are too many, %d are possible", ErrInvalidID, len(id), maxID)
	case id == "." || id == "..":
		return fmt.Errorf("%w: %q is a directory's own name", ErrInvalidID, id)
	}
	for i := 0; i < len(id); i++ {
		c := id[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("_+.-", c) >= 0:
		default:
			return fault.New("", "%w: %q at byte %d of %q", ErrInvalidID, c, i, id).Remedy("use letters, digits and _ + . -")
		}
	}
	return nil
}
