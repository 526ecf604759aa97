package idmap

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// module is a name service for sub-ids, as SSSD has one (shadow's
// lib/subid.h): 700000-700999 and 800000-800999 for roosty.
const module = `
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
struct subid_range { unsigned long start, count; };
static unsigned long first(int type) { return type == 1 ? 700000 : 800000; }
int shadow_subid_has_range(const char *owner, unsigned long start, unsigned long count, int type, bool *result)
{
	*result = strcmp(owner, "roosty") == 0 && start >= first(type) && start + count <= first(type) + 1000;
	return 0;
}
int shadow_subid_list_owner_ranges(const char *owner, int type, struct subid_range **ranges, int *count)
{
	*count = 0;
	*ranges = NULL;
	if (strcmp(owner, "roosty") != 0)
		return 1;
	*ranges = malloc(sizeof **ranges);
	(*ranges)->start = first(type);
	(*ranges)->count = 1000;
	*count = 1;
	return 0;
}
int shadow_subid_find_subid_owners(unsigned long id, int type, uid_t **uids, int *count)
{
	*count = 0;
	return 0;
}
`

// TestNameService has the real getsubids and the real newuidmap load a module that
// nsswitch.conf names.
func TestNameService(t *testing.T) {
	needRoot(t)
	needPrograms(t, "gcc", "getsubids", "newuidmap", "ldd")
	dir := filepath.Join(t.TempDir(), "lib")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	source := filepath.Join(dir, "module.c")
	if err := os.WriteFile(source, []byte(module), 0o644); err != nil {
		t.Fatal(err)
	}
	library := filepath.Join(dir, "libsubid_roosttest.so")
	if out, err := exec.Command("gcc", "-shared", "-fPIC", "-o", library, source).CombinedOutput(); err != nil {
		t.Skipf("gcc makes no shared library here: %v: %s", err, out)
	}
	s := scene{
		files: etcFiles(map[string]string{"nsswitch.conf": "passwd: files\nsubid: roosttest\n"}),
		// A setuid program loads from the system's directories alone.
		setup: `libs=$(dirname "$(realpath "$(ldd "$(command -v getsubids)" | sed -n 's/.*libsubid.* => \([^ ]*\).*/\1/p')")")
cp ` + library + ` "$D"/lib
mount -t overlay -o lowerdir="$D"/lib:"$libs" overlay "$libs"`,
		user: roosty,
	}
	got := s.play(t, "subids")
	if want := "roosty: 700000-700999; 800000-800999 from getsubids (nsswitch.conf has subid: roosttest)"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	s.env = []string{"ROOST_MAP=0:61234:1,1:700000:1000;0:61234:1,1:800000:1000"}
	if got := s.play(t, "write"); got != "0:61234:1,1:700000:1000;0:61234:1,1:800000:1000 setgroups allow" {
		t.Errorf("got %s", got)
	}
	// What the files grant is not granted any more, and the error says by whom.
	s.env = []string{"ROOST_MAP=0:61234:1,1:200000:1000;0:61234:1"}
	if got := s.play(t, "write"); !strings.Contains(got, "uids 200000-200999 are not granted to roosty by getsubids") {
		t.Errorf("got %s", got)
	}
	// An account that the service does not have.
	s.user, s.env = "--reuid=61235 --regid=61235 --clear-groups", nil
	if got := s.play(t, "subids"); !strings.HasPrefix(got, "uid 61235: none; none from getsubids") {
		t.Errorf("got %s", got)
	}
}

func TestSubIDsOfThisMachine(t *testing.T) {
	s := scene{files: etcFiles(nil), user: roosty}
	if got := s.play(t, "subids"); got != "roosty: 200000-200999, 300000-300999; 400000-400999 from /etc/subuid and /etc/subgid" {
		t.Errorf("got %s", got)
	}
}
