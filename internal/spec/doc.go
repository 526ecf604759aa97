// Package spec turns config.json into the runtime-spec's Go types, and refuses what roost cannot do.
//
// The rule: nothing is silently left out. A property is applied, or refused with its JSON path, or listed in
// [Loaded.GivenUp]. Unknown properties are ignored, as the runtime-spec demands; one that differs from a known
// one in case only is listed. A property of a part that is not implemented is refused unless its value asks for
// nothing (null, "", false, an empty array, an object of such).
//
// Every problem is reported at once, in the order of the document, with line and path; see [Error] for the
// form.
//
// [Load] reads a document; [Validate] checks a Spec that a Go program has built, by the same rules. Neither
// touches the host: whether the rootfs is there, the ids are ours or the namespace file is one is found out
// later.
//
// Reading order: load.go, decode*.go (JSON to Go, types only), validate*.go (what the values must be),
// refuse.go; options.go for mount options, names.go for the kernel's names, default.go for what `roost spec`
// writes, read.go for the file.
package spec
