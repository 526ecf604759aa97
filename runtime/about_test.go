package runtime

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/launch"
	"github.com/roost-run/roost/userns"
)

// TestAboutUserNamespace: a user namespace that is refused in the program is explained like one that clone3 refuses. What else
// is refused is only explained where AppArmor may be the reason, which is package userns's to tell.
func TestAboutUserNamespace(t *testing.T) {
	made := userns.Choice{Kind: userns.Create}
	refused := &launch.Error{Step: launch.Step{Label: makeUserNamespace}, Errno: unix.ENOSPC}
	err := aboutUserNamespace(refused, made)
	if !errors.Is(err, unix.ENOSPC) || !strings.Contains(err.Error(), "max_user_namespaces") {
		t.Error(err)
	}
	other := &launch.Error{Step: launch.Step{Label: "open /x"}, Errno: unix.ENOENT}
	if err := aboutUserNamespace(other, made); err != other {
		t.Error(err)
	}
	if err := aboutUserNamespace(refused, userns.Choice{Kind: userns.None}); err != refused {
		t.Error(err)
	}
	plain := errors.New("plain")
	if err := aboutUserNamespace(plain, made); err != plain {
		t.Error(err)
	}
}
