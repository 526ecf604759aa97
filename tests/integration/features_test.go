package integration

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func featureAnnotations(t testing.TB) map[string]string {
	t.Helper()
	r := must(t, "features")
	var f struct{ Annotations map[string]string }
	if err := json.Unmarshal([]byte(r.Stdout), &f); err != nil || r.Stderr != "" {
		t.Fatalf("%v: %v", err, r)
	}
	return f.Annotations
}

// TestFeaturesOfTheUser has what works here and now, and nothing of the kind for root.
func TestFeaturesOfTheUser(t *testing.T) {
	needRoost(t)
	got := featureAnnotations(t)
	if isRoot() {
		for key := range got {
			if strings.HasPrefix(key, "run.roost.rootless.") {
				t.Errorf("%s for root", key)
			}
		}
		return
	}
	if n, err := strconv.Atoi(got["run.roost.rootless.ids"]); err != nil || n < 1 {
		t.Errorf("ids: %v", got)
	}
	if _, _, granted := subIDs(); granted && (got["run.roost.rootless.ids"] == "1" || got["run.roost.rootless.ids.source"] == "") {
		t.Errorf("sub-ids are not seen: %v", got)
	}
	if got["run.roost.rootless.cgroup"] == "" {
		t.Errorf("no word on cgroups: %v", got)
	}
}

// TestFeaturesOfDelegation is the same with a service manager that has something to give.
func TestFeaturesOfDelegation(t *testing.T) {
	needRoost(t)
	needUser(t)
	needLimits(t, "memory", "cpu", "pids")
	got := featureAnnotations(t)
	for _, c := range []string{"memory", "cpu", "pids"} {
		if !slices.Contains(strings.Fields(got["run.roost.rootless.controllers"]), c) {
			t.Errorf("%s is missing: %v", c, got)
		}
	}
	if got["run.roost.rootless.cgroup"] != "scope" || got["run.roost.rootless.bus"] != "user" {
		t.Errorf("%v", got)
	}
}

// TestListWide has the unit and the cgroup, which the usual table has no columns for.
func TestListWide(t *testing.T) {
	needRoost(t)
	id := start(t, sh(sleeper))
	columns := func(format string) (heading, row []string) {
		list := lines(strings.TrimSpace(must(t, "list", "--format", format).Stdout))
		if len(list) != 2 {
			t.Fatalf("%s: %q", format, list)
		}
		return strings.Fields(list[0]), strings.Fields(list[1])
	}
	if heading, row := columns("table"); len(heading) != 6 || len(row) != 6 {
		t.Errorf("%q, %q", heading, row)
	}
	s := state(t, id)
	want := []string{"-", "-"}
	if unit := scopeOf(t, id); unit != "" {
		want[0] = unit
	}
	if dir := s.Annotations["run.roost.cgroup"]; dir != "" {
		want[1] = dir
	}
	if heading, row := columns("wide"); !slices.Equal(heading[6:], []string{"UNIT", "CGROUP"}) || !slices.Equal(row[6:], want) {
		t.Errorf("%q, %q, want %q at the end", heading, row, want)
	}
}
