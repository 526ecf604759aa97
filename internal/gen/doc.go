// Package gen writes man pages and completion scripts from the tables of flags, by way of spf13/cobra and its doc
// package.
//
// The rule that bites: it is for the build alone. Nothing that ends up in the binary imports it, since cobra costs
// every start a tenth of a container launch; cmd/roost's test calls it (go generate ./cmd/roost) and embeds the result.
package gen
