package main

import (
	_ "embed"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// topic is a page of help that belongs to no command.
type topic struct {
	summary text
	print   func(w io.Writer, lang string)
}

// unit is the systemd unit of a server, hardened; 'ripen help systemd' prints it.
//
//go:embed ripen.service
var unit string

var topics = map[string]topic{
	"config":  {text{"every setting: flag, environment twin, default", "todos los ajustes: opción, entorno, valor por defecto"}, printConfigTable},
	"systemd": {text{"a hardened unit file for a server", "un fichero de unidad endurecido para un servidor"}, func(w io.Writer, _ string) { fmt.Fprint(w, unit) }},
	"exit":    {text{"the exit codes", "los códigos de salida"}, func(w io.Writer, lang string) { fmt.Fprint(w, exitHelp.in(lang)) }},
}

var exitHelp = text{
	"0  done\n1  refused or failed, with one line on stderr\n2  the command line cannot be understood\n",
	"0  hecho\n1  rechazado o fallido, con una línea en stderr\n2  no se entiende la línea de órdenes\n",
}

var topHelp = text{`Ripen turns visits into sales-ready leads, in one binary.

Usage:  ripen COMMAND [ARGUMENTS] [--flags]

First steps:
  ripen demo                                  a shop, a scorecard and a live list, in one go
  ripen tenant create acme --data ./data      prints a write key and a secret key
  ripen serve --data ./data                   takes events in, answers for leads
  ripen leads top --data ./data               who is ripe
`, `Ripen convierte visitas en leads listos para vender, en un solo binario.

Uso:  ripen ORDEN [ARGUMENTOS] [--opciones]

Primeros pasos:
  ripen demo                                  una tienda, una tarjeta y una lista viva, de una vez
  ripen tenant create acme --data ./data      escribe una clave de escritura y una secreta
  ripen serve --data ./data                   recibe eventos y responde por los leads
  ripen leads top --data ./data               quién está maduro
`}

var topTail = text{`
'ripen help COMMAND' teaches one command, with examples. Every flag has an
environment twin (--log-level, RIPEN_LOG_LEVEL); 'ripen help config' lists all.
`, `
'ripen help ORDEN' enseña una orden, con ejemplos. Cada opción tiene su gemela en
el entorno (--log-level, RIPEN_LOG_LEVEL); 'ripen help config' las lista todas.
`}

// printTop writes the top level of help.
func printTop(w io.Writer, lang string) {
	fmt.Fprint(w, topHelp.in(lang))
	var rows [][2]string
	for _, ch := range chapters() {
		fmt.Fprintf(w, "\n%s:\n", ch.title.in(lang))
		rows = rows[:0]
		for _, c := range ch.commands {
			rows = append(rows, [2]string{c.name, c.summary.in(lang)})
		}
		printPairs(w, rows)
	}
	fmt.Fprintln(w, text{"\nTopics:", "\nTemas:"}.in(lang))
	rows = rows[:0]
	for name, t := range topics {
		rows = append(rows, [2]string{"help " + name, t.summary.in(lang)})
	}
	slices.SortFunc(rows, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
	printPairs(w, rows)
	fmt.Fprint(w, topTail.in(lang))
}

// printGroup lists the commands that share their first word.
func printGroup(w io.Writer, table []*command, first, lang string) {
	var rows [][2]string
	for _, c := range table {
		if strings.HasPrefix(c.name, first+" ") {
			rows = append(rows, [2]string{strings.TrimSpace(c.name + " " + c.args), c.summary.in(lang)})
		}
	}
	printPairs(w, rows)
}

// printCommand teaches one command.
func printCommand(w io.Writer, c *command, lang string) {
	fmt.Fprintf(w, "%s\n\n%s ripen %s\n", c.summary.in(lang), text{"Usage:", "Uso:"}.in(lang), strings.TrimSpace(c.name+" "+c.args)+" [--flags]")
	if c.help != "" {
		fmt.Fprintf(w, "\n%s\n", strings.Trim(c.help, "\n"))
	}
	rows := make([][2]string, 0, len(c.use))
	for _, name := range c.use {
		s := findSetting(name)
		left := strings.TrimSpace("--" + s.name + " " + s.value)
		if s.envOnly {
			left = s.env()
		}
		right := s.help.in(lang)
		if s.def != "" {
			right += " (" + s.def + ")"
		}
		rows = append(rows, [2]string{left, right})
	}
	if len(rows) > 0 {
		fmt.Fprintln(w, text{"\nFlags (default):", "\nOpciones (por defecto):"}.in(lang))
		printPairs(w, rows)
	}
}

// printPairs writes two columns.
func printPairs(w io.Writer, rows [][2]string) {
	width := 0
	for _, r := range rows {
		width = max(width, utf8.RuneCountInString(r[0]))
	}
	for _, r := range rows {
		fmt.Fprintf(w, "  %s%s  %s\n", r[0], strings.Repeat(" ", width-utf8.RuneCountInString(r[0])), r[1])
	}
}
