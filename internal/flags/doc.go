// Package flags is roost's command line: tables of flags, and a parser, a help writer and a completer that read them.
//
// It exists because start-up time is the product: importing a general command framework costs every start of the
// binary a tenth of a whole container launch. The same tables are handed to such a framework when man pages and shell
// completions are generated, at build time.
//
// The rule that bites: callers written for runc decide what is accepted. go-runc sends -no-subreaper with one dash,
// conmon mixes --flag=value and --flag value, and a repeated flag is a list that no comma ever splits.
//
// Reading order: flag.go (the tables), parse.go, value.go, near.go, help.go, complete.go.
package flags
