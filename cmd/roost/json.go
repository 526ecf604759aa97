package main

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/roost-run/roost/internal/strictjson"
	"github.com/roost-run/roost/runtime"
)

// appendState writes the state object as runc does, without reflection, which would cost more than reading the state.
// Each member begins with newline: "\n" sets the object over several lines, "" on one.
func appendState(b []byte, s runtime.State, newline string) []byte {
	colon, indent := ":", ""
	if newline != "" {
		colon, indent = ": ", "  "
	}
	member := func(key string) {
		if b[len(b)-1] != '{' {
			b = append(b, ',')
		}
		b = append(b, newline+indent...)
		b = append(appendJSONString(b, key), colon...)
	}
	text := func(key, value string) {
		member(key)
		b = appendJSONString(b, value)
	}
	b = append(b, '{')
	text("ociVersion", s.Version)
	text("id", s.ID)
	member("pid")
	b = strconv.AppendInt(b, int64(s.Pid), 10)
	text("status", string(s.Status))
	text("bundle", s.Bundle)
	text("rootfs", s.Rootfs)
	text("created", s.Created.UTC().Format(time.RFC3339Nano))
	if len(s.Annotations) > 0 {
		member("annotations")
		b = append(b, '{')
		outer := indent
		indent += outer
		for _, key := range slices.Sorted(maps.Keys(s.Annotations)) {
			text(key, s.Annotations[key])
		}
		indent = outer
		b = append(b, newline+indent+"}"...)
	}
	if s.SystemdScope != "" {
		text("systemd-scope", s.SystemdScope)
	}
	text("owner", s.Owner)
	return append(b, newline+"}"...)
}

func appendJSONString(b []byte, s string) []byte { return strictjson.AppendString(b, s) }
