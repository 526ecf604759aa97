package seccomp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// A compiled filter in a file, numbers as this machine lays them out:
//
//	magic, version, flags, four lengths, checksum     the header
//	listener path, its metadata                       "" without a listener
//	section                                           the bytes that it was compiled from
//	instructions
const (
	magic      = "roostbpf"
	version    = 1
	headerSize = len(magic) + 6*4 + 8
	sumAt      = headerSize - 8
)

// Encode is the file for a filter that was compiled from the section raw. raw is empty where nobody will look for it.
func Encode(f *Filter, raw []byte) []byte {
	size := headerSize + len(f.ListenerPath) + len(f.ListenerMetadata) + len(raw) + len(f.Insns)
	b := append(make([]byte, 0, size), magic...)
	for _, n := range []int{version, int(f.Flags), len(f.ListenerPath), len(f.ListenerMetadata), len(raw), len(f.Insns)} {
		b = binary.NativeEndian.AppendUint32(b, uint32(n))
	}
	b = binary.NativeEndian.AppendUint64(b, 0)
	b = append(b, f.ListenerPath...)
	b = append(b, f.ListenerMetadata...)
	b = append(b, raw...)
	b = append(b, f.Insns...)
	binary.NativeEndian.PutUint64(b[sumAt:], checksum(b))
	return b
}

var errDamaged = errors.New("damaged")

// Decode takes a file apart. What it returns are parts of b.
func Decode(b []byte) (f *Filter, raw []byte, err error) {
	if len(b) < headerSize || len(b) > maxFile || string(b[:len(magic)]) != magic {
		return nil, nil, errDamaged
	}
	number := func(i int) int { return int(binary.NativeEndian.Uint32(b[len(magic)+4*i:])) }
	if v := number(0); v != version {
		return nil, nil, fmt.Errorf("of version %d, this is for version %d", v, version)
	}
	f = &Filter{Flags: uint(number(1))}
	path, metadata, section, insns := number(2), number(3), number(4), number(5)
	switch {
	case path < 0 || path > MaxPath, metadata < 0 || metadata > MaxMetadata, section < 0 || section > MaxSection,
		insns <= 0 || insns > MaxInsns*insnSize || insns%insnSize != 0,
		headerSize+path+metadata+section+insns != len(b),
		f.Flags&^allFlags != 0, f.Notifies() != (path > 0),
		binary.NativeEndian.Uint64(b[sumAt:]) != checksum(b):
		return nil, nil, errDamaged
	}
	rest := b[headerSize:]
	take := func(n int) (part []byte) {
		part, rest = rest[:n:n], rest[n:]
		return part
	}
	f.ListenerPath, f.ListenerMetadata = string(take(path)), string(take(metadata))
	raw, f.Insns = take(section), take(insns)
	if strings.IndexByte(f.ListenerPath, 0) >= 0 {
		return nil, nil, errDamaged
	}
	return f, raw, nil
}

// checksum is over all but itself. It is against what a crash leaves of a file; whoever wants to deceive can compute it.
func checksum(b []byte) uint64 { return hash(hash(seed, b[:sumAt]), b[headerSize:]) }

// nameOf is the name of the file for this section.
func nameOf(raw []byte) string {
	const digits = 16
	s := strconv.FormatUint(hash(seed, raw), 16)
	return strings.Repeat("0", digits-len(s)) + s
}

// FNV-1a by words of 64 bits rather than by bytes: a section has 20,000.
const (
	seed  = 0xcbf29ce484222325
	prime = 0x100000001b3
)

func hash(h uint64, b []byte) uint64 {
	mix := func(word uint64) {
		h = (h ^ word) * prime
		h ^= h >> 29 // a product's low bits depend on low bits only
	}
	n := len(b)
	for ; len(b) >= 8; b = b[8:] {
		mix(binary.LittleEndian.Uint64(b))
	}
	var tail [8]byte
	copy(tail[:], b)
	mix(binary.LittleEndian.Uint64(tail[:]))
	mix(uint64(n))
	return h
}
