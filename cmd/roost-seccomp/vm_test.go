package main

import (
	"testing"

	"golang.org/x/sys/unix"
)

// simulate runs a filter that was compiled.
func simulate(t testing.TB, insns []byte, c call) uint32 {
	t.Helper()
	return answer(t, parse(insns), c)
}

func answer(t testing.TB, p []unix.SockFilter, c call) uint32 {
	t.Helper()
	got, err := interpret(p, c)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// Answers, linux/seccomp.h.
const (
	killProcess = 0x80000000
	killThread  = 0x00000000
	trap        = 0x00030000
	errno       = 0x00050000
	notify      = 0x7fc00000
	trace       = 0x7ff00000
	logs        = 0x7ffc0000
	allow       = 0x7fff0000
)
