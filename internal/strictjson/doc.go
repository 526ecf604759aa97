// Package strictjson reads JSON without reflection, and refuses what other readers let pass.
//
// It is a pull decoder: the caller asks for the type that it expects, and the decoder answers, or notes a
// [Problem] at that place and goes on. encoding/json would build type tables of the whole runtime-spec tree
// at every start (1.0 ms of a 4 ms container start); here the code that asks is the type table.
//
// Refused at once, since nothing after it can be trusted: broken grammar, anything after the document,
// invalid UTF-8, half a surrogate pair, nesting deeper than [MaxDepth]. Noted, and read on: a value of
// another type, a number that does not fit or has a fraction, a property that is given twice (the second is
// skipped).
//
// The rule that bites: [Decoder.End] must be asked, and [Decoder.Problems] be empty, before anything that was
// read is used.
//
// Paths look like process.env[3] and linux.namespaces[0].type; a key that is not a plain word is quoted:
// annotations["org.example.key"]. The document itself has the path "".
//
// Strings are parts of the document, not copies, except where there is an escape in them: keeping one keeps
// the whole document.
//
// Read decoder.go first, then scan.go, scalar.go, text.go, number.go, path.go. encode.go is the other direction: a few
// append functions for state files.
package strictjson
