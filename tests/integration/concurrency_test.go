package integration

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"
)

const crowd = 20

// together runs n calls at once and returns what each gave.
func together(n int, call func(i int) result) []result {
	results := make([]result, n)
	var wg sync.WaitGroup
	gate := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-gate
			results[i] = call(i)
		})
	}
	close(gate)
	wg.Wait()
	return results
}

func winners(results []result) (n int) {
	for _, r := range results {
		if r.Code == 0 {
			n++
		}
	}
	return n
}

func TestConcurrentCreate(t *testing.T) {
	bundle, id := newBundle(t, sh(sleeper)), newID(t)
	results := together(crowd, func(int) result { return roost(t, "create", "--bundle", bundle, id) })
	if n := winners(results); n != 1 {
		t.Errorf("%d of %d creates of one id worked", n, crowd)
	}
	for _, r := range results {
		if r.Code != 0 && !strings.Contains(r.Stderr, "container with given ID already exists") {
			t.Errorf("%v", r)
		}
	}
	wantStatus(t, id, "created")

	if n := winners(together(crowd, func(int) result { return roost(t, "start", id) })); n != 1 {
		t.Errorf("%d of %d starts worked", n, crowd)
	}
	wantStatus(t, id, "running")

	for _, r := range together(crowd, func(i int) result { return roost(t, "exec", id, "/bin/sh", "-c", fmt.Sprintf("exit %d", i)) }) {
		if r.Code > crowd {
			t.Errorf("exec: %v", r)
		}
	}
	for i, r := range together(crowd, func(int) result { return roost(t, "delete", "--force", id) }) {
		if r.Code != 0 {
			t.Errorf("delete --force %d: %v", i, r)
		}
	}
	refuse(t, []string{"container does not exist"}, "state", id)
}

func TestConcurrentRun(t *testing.T) {
	bundle, id := newBundle(t, sh("sleep 1; exit 7")), newID(t)
	won := 0
	for _, r := range together(crowd, func(int) result { return roost(t, "run", "--bundle", bundle, id) }) {
		switch {
		case r.Code == 7:
			won++
		case r.Code == 1 && strings.Contains(r.Stderr, "container with given ID already exists"):
		default:
			t.Errorf("%v", r)
		}
	}
	if won == 0 {
		t.Errorf("none of %d runs worked", crowd)
	}
}

// Everybody does everything to one id. Whatever happens, nothing hangs, and one delete --force leaves nothing.
func TestStorm(t *testing.T) {
	needRoost(t)
	bundle, id := newBundle(t, sh(sleeper)), newID(t)
	calls := [][]string{
		{"create", "--bundle", bundle, id}, {"start", id}, {"kill", id, "KILL"}, {"delete", id}, {"delete", "--force", id},
		{"state", id}, {"exec", id, "/bin/true"}, {"list"}, {"ps", id}, {"run", "-d", "--bundle", bundle, id}, {"gc"},
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	for _, r := range together(8, func(i int) result {
		choose := rand.New(rand.NewPCG(seed, uint64(i)))
		var last result
		for range 25 {
			last = roost(t, calls[choose.IntN(len(calls))]...)
			if strings.Contains(last.Stderr, "panic") || strings.Contains(last.Stderr, "goroutine ") {
				return last
			}
		}
		return result{}
	}) {
		if r.Code != 0 {
			t.Errorf("%v", r)
		}
	}
	must(t, "delete", "--force", id)
	if left := orphans(); len(left) > 0 {
		t.Errorf("left processes: %q", left)
	}
}

// More containers than a user may have keyrings (200, unless kernel.keys.maxkeys says otherwise).
func TestManyContainers(t *testing.T) {
	needRoost(t)
	const many = 250
	bundle := newBundle(t, sh("exec sleep 10000"))
	results := make([]result, many)
	id := func(i int) string { return fmt.Sprintf("many-%03d", i) }
	t.Cleanup(func() {
		for i := range many {
			if results[i].Code == 0 && t.Failed() {
				roost(t, "delete", "--force", id(i))
			}
		}
	})
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Go(func() {
			for i := worker; i < many; i += 4 {
				results[i] = roost(t, "run", "-d", "--bundle", bundle, id(i))
			}
		})
	}
	wg.Wait()
	for i, r := range results {
		if r.Code != 0 {
			t.Fatalf("container %d: %v", i, r)
		}
	}
	if got := strings.Count(must(t, "list").Stdout, " running "); got != many {
		t.Errorf("%d of %d are running", got, many)
	}
	if r := must(t, "exec", id(many-1), "/bin/sh", "-c", "echo $$"); r.Stdout == "" {
		t.Error(r)
	}
	for i := range many {
		must(t, "delete", "--force", id(i))
	}
}
