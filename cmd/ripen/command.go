package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"

	"ripen/wasm/host"
)

// command is one entry of the command line's table.
type command struct {
	name     string   // "tenant create"
	args     string   // what stands behind the name: "NAME"
	min, max int      // how many arguments; max < 0 = any number
	use      []string // the settings it takes, beside lang
	folds    bool     // it asks about leads: a server started for it derives them
	summary  text     // one line
	help     string   // what to know, with examples
	run      func(ctx context.Context, c *call) error
}

// call is one run of a command.
type call struct {
	*streams
	*values
	cmd  *command
	args []string
	lang string
}

// chapter is commands that belong together in help.
type chapter struct {
	title    text
	commands []*command
}

// chapters is the table, in the order of help.
func chapters() []chapter {
	return []chapter{
		{text{"Run", "Poner en marcha"}, slices.Concat(
			[]*command{demoCommand(), serveCommand()}, tenantCommands(), sourceCommands(),
		)},
		{text{"Take in", "Recoger"}, slices.Concat(
			importCommands(), feedCommands(), deadLetterCommands(),
		)},
		{text{"Score", "Puntuar"}, slices.Concat(
			scorecardCommands(), topicsCommands(), moduleCommands(),
		)},
		{text{"Learn", "Aprender"}, slices.Concat(
			trainCommands(), usefulCommands(), typologyCommands(), loyaltyCommands(), offersCommands(),
		)},
		{text{"Leads", "Leads"}, slices.Concat(
			leadsCommands(), personCommands(), accountCommands(), handoffCommands(),
		)},
		{text{"Nurture", "Nutrir"}, slices.Concat(
			journeyCommands(), segmentCommands(), onsiteCommands(), letterCommands(), mailCommands(), postCommands(), outboxCommands(), webhookCommands(),
		)},
		{text{"Operate", "Operar"}, slices.Concat(
			retentionCommands(), opsCommands(),
		)},
	}
}

// commands is the table without its chapters.
func commands() (all []*command) {
	for _, c := range chapters() {
		all = append(all, c.commands...)
	}
	return all
}

// dispatch finds the command of a command line and runs it.
func dispatch(ctx context.Context, args []string, s *streams) error {
	table := commands()
	if len(args) == 0 {
		printTop(s.err, systemLanguage())
		return &usageError{"no command given", "ripen help"}
	}
	if args[0] == host.WorkerCommand { // this program's child: not for people
		return host.Work(ctx, s.in, s.out)
	}
	if args[0] == "--version" {
		args = []string{"version"}
	}
	args, lang, isHelp := wantsHelp(args)
	if len(args) > 0 && args[0] == "deadletter" { // as scripts were told to call it
		args = append([]string{"deadletters"}, args[1:]...)
	}
	cmd, rest := findCommand(table, args)
	switch {
	case isHelp:
		return printHelp(s.out, table, args, lang)
	case cmd == nil && hasGroup(table, args[0]):
		return &usageError{fmt.Sprintf("%q needs one of: %s", args[0], strings.Join(group(table, args[0]), ", ")), "ripen help " + args[0]}
	case cmd == nil:
		return &usageError{fmt.Sprintf("no command %q%s", args[0], near(table, args[0])), "ripen help"}
	}
	v, rest, err := resolve(append([]string{"lang"}, cmd.use...), rest)
	help := "ripen help " + cmd.name
	if err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return printHelp(s.out, table, strings.Fields(cmd.name), lang)
		}
		return &usageError{err.Error(), help}
	}
	if len(rest) < cmd.min || cmd.max >= 0 && len(rest) > cmd.max {
		return &usageError{fmt.Sprintf("%s takes %s; given: %d", cmd.name, orNone(cmd.args), len(rest)), help}
	}
	c := &call{streams: s, values: v, cmd: cmd, args: rest, lang: lang}
	if err := cmd.run(ctx, c); err != nil {
		if _, isUsage := errors.AsType[*usageError](err); isUsage || errors.Is(err, errReported) {
			return err
		}
		return fmt.Errorf("%s: %w", cmd.name, err)
	}
	return nil
}

// wantsHelp recognises help in its usual spellings, and the language, and
// returns the arguments without them.
func wantsHelp(args []string) (rest []string, lang string, isHelp bool) {
	lang = languageOf(args)
	if isHelp = args[0] == "help"; isHelp {
		args = args[1:]
	}
	for i := 0; i < len(args); i++ {
		switch a := args[i]; {
		case a == "--":
			return append(rest, args[i:]...), lang, isHelp
		case a == "-h" || a == "-help" || a == "--help":
			isHelp = true
		case isHelp && strings.TrimLeft(a, "-") == "lang" && strings.HasPrefix(a, "-"):
			i++
		case isHelp && strings.HasPrefix(strings.TrimLeft(a, "-"), "lang="):
		default:
			rest = append(rest, a)
		}
	}
	return rest, lang, isHelp
}

// languageOf is --lang, else RIPEN_LANG, else what the system says.
func languageOf(args []string) string {
	_, given := newFlagSet(nil)
	for i, a := range args {
		name, v, ok := strings.Cut(strings.TrimLeft(a, "-"), "=")
		if name != "lang" || !strings.HasPrefix(a, "-") {
			continue
		}
		if !ok && i+1 < len(args) {
			v = args[i+1]
		}
		given["lang"] = v
	}
	if v, err := layer([]string{"lang"}, given); err == nil && v.get("lang") != "" {
		return v.get("lang")
	}
	return systemLanguage()
}

// findCommand returns the longest command that args start with.
func findCommand(table []*command, args []string) (*command, []string) {
	var best *command
	n := 0
	for _, c := range table {
		if words := strings.Fields(c.name); len(words) > n && len(words) <= len(args) && slices.Equal(words, args[:len(words)]) {
			best, n = c, len(words)
		}
	}
	return best, args[min(n, len(args)):]
}

// group returns the second words of the commands that start with first.
func group(table []*command, first string) (words []string) {
	for _, c := range table {
		if w, ok := strings.CutPrefix(c.name, first+" "); ok {
			words = append(words, w)
		}
	}
	return words
}

func hasGroup(table []*command, first string) bool { return len(group(table, first)) > 0 }

// near suggests a command for a misspelt one: the one that differs in at most
// two letters.
func near(table []*command, got string) string {
	for _, c := range table {
		if first := strings.Fields(c.name)[0]; distance(first, got) <= 2 {
			return fmt.Sprintf(" (did you mean %q?)", first)
		}
	}
	return ""
}

// distance is Levenshtein's.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(diagonal+cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

func orNone(s string) string {
	if s == "" {
		return "no arguments"
	}
	return s
}

// printHelp answers 'ripen help …'.
func printHelp(w io.Writer, table []*command, args []string, lang string) error {
	if len(args) == 0 {
		printTop(w, lang)
		return nil
	}
	if topic, ok := topics[args[0]]; ok && len(args) == 1 {
		topic.print(w, lang)
		return nil
	}
	if cmd, _ := findCommand(table, args); cmd != nil {
		printCommand(w, cmd, lang)
		return nil
	}
	if hasGroup(table, args[0]) {
		printGroup(w, table, args[0], lang)
		return nil
	}
	return &usageError{fmt.Sprintf("no help for %q%s", strings.Join(args, " "), near(table, args[0])), "ripen help"}
}
