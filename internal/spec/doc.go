// Package spec turns config.json into the runtime-spec's Go types, and refuses what roost cannot do.
//
// The rule: nothing is silently left out. A property is applied, or refused with its JSON path, or listed in
// [Loaded.GivenUp]. Every property of Linux is decoded; those that are not implemented are a list in refuse.go. Unknown
// properties are ignored, as the runtime-spec demands; one that differs from a known one in case only is listed. What is for
// another platform is refused unless its value asks for nothing (null, "", false, an empty array, an object of such).
//
// linux.seccomp alone is not decoded but kept as it is written ([Loaded.Seccomp]): a filter is looked up by these bytes, and only
// who has to make one needs [DecodeSeccomp].
//
// Every problem is reported at once, in the order of the document, with line and path; see [Error] for the
// form. A value is good if the kernel could take it. Whether this kernel does, for this caller, is found out later, and so is whether
// limits can be had.
//
// [Load] reads a document; [Validate] checks a Spec that a Go program has built, by the same rules. Neither
// touches the host: whether the rootfs is there, the ids are ours or the namespace file is one is found out
// later.
//
// Reading order: load.go, decode*.go (JSON to Go, types only), refuse.go, validate*.go (what the values must be); options*.go and
// attribute.go for mount options, numbers.go and names.go for small languages and the kernel's names; encode*.go (Go to JSON);
// default.go for what `roost spec` writes, read.go for the file.
package spec
