package spec

import (
	"strings"
	"testing"
)

func TestLoadResources(t *testing.T) {
	r, err := LoadResources([]byte(`{"memory":{"limit":1048576,"checkBeforeUpdate":true},"unified":{"memory.high":"max"}}`))
	if err != nil || *r.Memory.Limit != 1048576 || !*r.Memory.CheckBeforeUpdate || r.Unified["memory.high"] != "max" {
		t.Errorf("%+v %v", r, err)
	}
	_, err = LoadResources([]byte(`{"memory":{"limit":-5},"cpu":{"period":1},"pids":{"limit":"x"}}`))
	if err == nil || !strings.Contains(err.Error(), "pids.limit") {
		t.Error(err)
	}
	_, err = LoadResources([]byte(`{"memory":{"limit":-5},"cpu":{"period":1}}`))
	if err == nil || !strings.Contains(err.Error(), "linux.resources.memory.limit") || !strings.Contains(err.Error(), "linux.resources.cpu.period") {
		t.Error(err)
	}
	if err := ValidateResources(r); err == nil {
		_, err = LoadResources([]byte(`[]`))
		if err == nil {
			t.Error("a list is taken")
		}
	}
}
