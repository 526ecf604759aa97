package main

import (
	"context"
	"strconv"
	"strings"

	"github.com/roost-run/roost/internal/flags"
)

// What the shell is to do with the offers; the numbers are those of the completion scripts, which spf13/cobra writes.
const (
	shellDefault = 0  // files too, if nothing was offered
	noFiles      = 4  // nothing but the offers
	onlyDirs     = 16 // directories instead of files
)

func completeCommand() command     { return completer("__complete", true) }
func completeBareCommand() command { return completer("__completeNoDesc", false) }

// completer answers the scripts: one offer a line, a tab, its description; then a colon and what to do.
func completer(name string, describe bool) command {
	return command{
		Command: flags.Command{Name: name, Usage: []string{"WORD…"}, Short: "answer a completion script", Hidden: true, Max: -1, Raw: true},
		run: func(a *app, args flags.Args) (int, error) {
			rows, directive := a.complete(args.List)
			var b strings.Builder
			for _, row := range rows {
				b.WriteString(row[0])
				if describe && row[1] != "" {
					b.WriteString("\t" + row[1])
				}
				b.WriteByte('\n')
			}
			b.WriteString(":" + strconv.Itoa(directive) + "\n")
			return 0, a.print(b.String())
		},
	}
}

// complete offers what the last word may become.
func (a *app) complete(words []string) ([][2]string, int) {
	if len(words) == 0 {
		return nil, noFiles
	}
	typed := words[len(words)-1]
	words = words[:len(words)-1]
	table := a.global.table()
	if place := table.Walk(words); place.First >= 0 {
		// The containers to offer are those of the --root that stands before.
		if _, err := table.Parse(words); err != nil || a.global.cleanRoot() != nil {
			return nil, noFiles
		}
		cmd, err := find(words[place.First])
		if err != nil {
			return nil, noFiles
		}
		table, words = &cmd.Command, words[place.First+1:]
	}
	return a.offer(table, words, typed)
}

func (a *app) offer(table *flags.Command, words []string, typed string) ([][2]string, int) {
	place := table.Walk(words)
	f := place.Flag
	if name, value, ok := strings.Cut(typed, "="); f == nil && ok && !place.Over && strings.HasPrefix(name, "--") {
		if f = table.Find(name[2:]); f == nil {
			return nil, noFiles
		}
		typed = value
	}
	switch {
	case f != nil && f.Words != nil:
		return starting(typed, f.Words...), noFiles
	case f != nil:
		return a.hinted(f.Complete, typed)
	case !place.Over && strings.HasPrefix(typed, "-"):
		return table.Offer(typed), noFiles
	}
	return a.hinted(table.Hint(place.Positional), typed)
}

func (a *app) hinted(hint flags.Hint, typed string) ([][2]string, int) {
	switch hint {
	case flags.Files, flags.Anything:
		return nil, shellDefault
	case flags.Dirs:
		return nil, onlyDirs
	case flags.Shells:
		return starting(typed, "bash", "zsh", "fish"), noFiles
	case flags.Commands:
		var rows [][2]string
		for _, e := range commands() {
			if cmd := e.make(); !cmd.Hidden && strings.HasPrefix(cmd.Name, typed) {
				rows = append(rows, [2]string{cmd.Name, cmd.Short})
			}
		}
		return rows, noFiles
	case flags.Containers:
		return a.containers(typed), noFiles
	}
	return nil, noFiles
}

// containers offers ids with their status. Whatever is wrong with the state root is no news for somebody who types.
func (a *app) containers(typed string) [][2]string {
	store, err := a.existing()
	if err != nil {
		return nil
	}
	states, _, err := store.List(context.Background())
	if err != nil {
		return nil
	}
	var rows [][2]string
	for _, s := range states {
		if strings.HasPrefix(s.ID, typed) {
			rows = append(rows, [2]string{s.ID, string(s.Status)})
		}
	}
	return rows
}

func starting(typed string, words ...string) [][2]string {
	var rows [][2]string
	for _, word := range words {
		if strings.HasPrefix(word, typed) {
			rows = append(rows, [2]string{word, ""})
		}
	}
	return rows
}
