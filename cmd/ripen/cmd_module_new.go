package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"ripen/wasm/guest"
)

func moduleNewCommand() *command {
	return &command{
		name: "module new", use: []string{"dir", "list"},
		summary: text{"start a module of your own: --lang rust, c, assemblyscript or wat", "empezar un módulo propio: --lang rust, c, assemblyscript o wat"},
		help: `
Writes a folder that stands alone: a library that hides the ABI, an example that
scores, its tests, its build, and the module as built already. Nothing is
overwritten. Here --lang is the language of the module.

  ripen module new --list
  ripen module new --lang c
  ripen module new --lang rust --dir interest`,
		run: runModuleNew,
	}
}

func runModuleNew(_ context.Context, c *call) error {
	if c.bool("list") {
		return c.listStarters()
	}
	lang := c.get("lang")
	if lang == "" || lang == "en" || lang == "es" { // people's languages, not a module's
		return &usageError{"module new needs --lang: " + starterNames(), "ripen module new --list"}
	}
	c.lang = languageOf(nil)
	for _, s := range guest.Starters() {
		if s.Lang == lang {
			return c.writeStarter(&s, cmp.Or(c.get("dir"), "module-"+s.Lang))
		}
	}
	return &usageError{fmt.Sprintf("no starter in %q%s: there are %s", lang, nearStarter(lang), starterNames()), "ripen module new --list"}
}

func starterNames() string {
	var names []string
	for _, s := range guest.Starters() {
		names = append(names, s.Lang)
	}
	return strings.Join(names, ", ")
}

// starterAliases are what people call a language that has a starter, or one near.
var starterAliases = map[string]string{
	"rs": "rust", "c++": "c", "cpp": "c", "clang": "c", "wasm": "wat", "asc": "assemblyscript",
	"ts": "assemblyscript", "typescript": "assemblyscript", "js": "assemblyscript", "javascript": "assemblyscript",
}

// nearStarter suggests a language for one that has no starter.
func nearStarter(got string) string {
	got = strings.ToLower(got)
	name := starterAliases[got]
	for _, s := range guest.Starters() {
		if strings.HasPrefix(s.Lang, got) || distance(s.Lang, got) <= min(2, len(got)-2) {
			name = s.Lang
		}
	}
	if name == "" {
		return ""
	}
	return fmt.Sprintf(" (did you mean %q?)", name)
}

func (c *call) listStarters() error {
	var rows [][]string
	for _, s := range guest.Starters() {
		rows = append(rows, []string{s.Lang, s.Name, s.Build, s.Test, s.Needs})
	}
	c.table([]string{"LANG", "", "BUILD", "TEST", "NEEDS"}, rows)
	return nil
}

// writeStarter writes the folder, all of it or, if anything of it is there
// already, nothing.
func (c *call) writeStarter(s *guest.Starter, dir string) error {
	var names []string
	err := fs.WalkDir(s.Files(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		names = append(names, name)
		_, err = os.Lstat(filepath.Join(dir, filepath.FromSlash(name)))
		if err == nil {
			return fmt.Errorf("%s is there already: nothing was written; choose another folder with --dir", filepath.Join(dir, name))
		} else if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	})
	if err != nil {
		return err
	}
	// The module comes last, so that make finds it newer than its sources.
	names = append(slices.DeleteFunc(names, func(name string) bool { return name == "score.wasm" }), "score.wasm")
	for _, name := range names {
		if err := writeStarterFile(s, dir, name); err != nil {
			return err
		}
	}
	return c.printNextSteps(s, dir, len(names))
}

// writeStarterFile writes one file, which must not be there.
func writeStarterFile(s *guest.Starter, dir, name string) (err error) {
	b, err := fs.ReadFile(s.Files(), name)
	if err != nil {
		return err
	}
	file := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	return firstError(err, f.Close())
}

func (c *call) printNextSteps(s *guest.Starter, dir string, n int) error {
	say := func(en, es string) string { return text{en, es}.in(c.lang) }
	fmt.Fprintf(c.out, say("wrote %d files to %s: a module in %s. Next:\n\n", "%d ficheros escritos en %s: un módulo en %s. Siguiente:\n\n"), n, plain(dir), s.Name)
	printPairs(c.out, [][2]string{
		{"cd " + plain(dir), ""},
		{"ripen module check score.wasm", say("the module as it came: size, memory, gas", "el módulo tal como viene: tamaño, memoria, gas")},
		{"ripen module eval score.wasm --cases cases.json", say("what its scores must be", "lo que deben ser sus puntuaciones")},
		{s.Build, say("builds score.wasm; needs ", "construye score.wasm; necesita ") + s.Needs},
		{s.Test, say("its tests", "sus pruebas")},
		{"ripen module publish score.wasm --data DIR", say("puts it in force", "lo pone en vigor")},
	})
	return nil
}
