package main

import "testing"

func TestParseBytes(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "-1": -1, "1048576": 1 << 20, "64m": 64 << 20, "64M": 64 << 20, "64MB": 64 << 20, "64MiB": 64 << 20, "2g": 2 << 30, "1t": 1 << 40, "100b": 100, "1.5g": 3 << 29, "3k": 3072,
	} {
		if got, ok := parseBytes(text); !ok || got != want {
			t.Errorf("%s: %d, %v", text, got, ok)
		}
	}
	for _, text := range []string{"", "m", "-2", "-1m", "1.5", "x", "1mm", "1q", "9999999p", "1e30g", "NaNk", "1 m", "+-1"} {
		if got, ok := parseBytes(text); ok {
			t.Errorf("%q is %d", text, got)
		}
	}
}

func TestUpdateFlags(t *testing.T) {
	o := updateOptions{memory: "1g", cpuQuota: "-1", pidsLimit: "5", cpusetCPUs: "0"}
	r, err := o.fromFlags()
	if err != nil || *r.Memory.Limit != 1<<30 || *r.CPU.Quota != -1 || *r.Pids.Limit != 5 || r.CPU.Cpus != "0" || r.BlockIO != nil || r.Memory.Swap != nil {
		t.Errorf("%+v %v", r, err)
	}
	for _, o := range []updateOptions{{memory: "much"}, {cpuPeriod: "-1"}, {blkioWeight: "70000"}, {pidsLimit: "1.5"}} {
		if _, err := o.fromFlags(); err == nil {
			t.Errorf("%+v is taken", o)
		}
	}
	if (&updateOptions{file: "x"}).others() || !(&updateOptions{file: "x", memory: "1"}).others() {
		t.Error("flags besides the file")
	}
}
