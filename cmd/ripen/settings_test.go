package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// update rewrites the generated table: go generate ./cmd/ripen.
var update = flag.Bool("update", false, "rewrite the table of settings in README.md")

//go:generate go test -run TestReadmeHasTheTable . -args -update

func TestLayers(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ripen.yaml")
	if err := os.WriteFile(file, []byte("listen: file:1\nlog-level: warn\ndrain: 3s\nmax-body: 8MB\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	names := []string{"config", "listen", "log-level", "drain", "log-format", "max-body"}
	t.Setenv("RIPEN_LOG_LEVEL", "error")
	t.Setenv("RIPEN_DRAIN", "4s")
	v, rest, err := resolve(names, []string{"one", "--drain", "5s", "two", "--config=" + file, "--", "--three"})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"one", "two", "--three"}; !slices.Equal(rest, want) {
		t.Errorf("arguments %q, want %q", rest, want)
	}
	f := func(name, want string) {
		t.Helper()
		if got := v.get(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	f("listen", "file:1")   // file beats default
	f("log-level", "error") // environment beats file
	f("drain", "5s")        // flag beats environment
	f("log-format", "text") // default
	if got := v.size("max-body"); got != 8<<20 {
		t.Errorf("max-body: got %d", got)
	}
	if got := v.duration("drain"); got != 5*time.Second {
		t.Errorf("drain: got %v", got)
	}
}

func TestConfigFileNamesItsFaults(t *testing.T) {
	f := func(content, want string) {
		t.Helper()
		file := filepath.Join(t.TempDir(), "c.yaml")
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		_, _, err := resolve(serveCommand().use, []string{"--config", file})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", content, err, want)
		}
	}
	f("lissten: x\n", `no setting "lissten"`)
	f("drain: soon\n", `"soon" is not a duration`)
	f("json: true\n", `no setting "json"`) // not a setting of a server
	f("a: [\n", "config ")
	f("trusted-proxies: [10.0.0.0/8, 127.0.0.1]\n", "trusted-proxies: need one value on the line")
	f("data: {a: b}\n", "data: need one value on the line")
	file := filepath.Join(t.TempDir(), "c.yaml")
	if err := os.WriteFile(file, []byte("# nothing said\nlisten:\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if v, _, err := resolve(serveCommand().use, []string{"--config", file}); err != nil || v.get("listen") != findSetting("listen").def {
		t.Errorf("a name alone: %v", err)
	}
	if _, _, err := resolve(serveCommand().use, []string{"--config", "/nonexistent"}); err == nil {
		t.Error("a config file that is not there was passed over")
	}
}

func TestValuesOfSettings(t *testing.T) {
	f := func(name, value string, ok bool) {
		t.Helper()
		if err := findSetting(name).check(value); (err == nil) != ok {
			t.Errorf("%s=%q: %v", name, value, err)
		}
	}
	f("max-body", "4MB", true)
	f("max-body", "4 gb", true)
	f("max-body", "four", false)
	f("as-of", "2026-01-31", true)
	f("as-of", "2026-01-31T12:00:00.5Z", true)
	f("as-of", "yesterday", false)
	f("limit", "10", true)
	f("limit", "1e3", false)
	f("json", "maybe", false)
}

func TestTableOfSettings(t *testing.T) {
	used := map[string]bool{"lang": true}
	for _, c := range commands() {
		for _, name := range c.use {
			used[name] = true
			findSetting(name) // panics if there is none
		}
	}
	seen := map[string]bool{}
	for i := range settings {
		s := &settings[i]
		if seen[s.name] {
			t.Errorf("%s stands twice in the table", s.name)
		}
		seen[s.name] = true
		if !used[s.name] {
			t.Errorf("no command takes --%s", s.name)
		}
		if err := s.check(s.def); s.def != "" && err != nil {
			t.Errorf("default of %s: %v", s.name, err)
		}
		if s.help.en == "" || s.help.es == "" {
			t.Errorf("--%s is not explained in both languages", s.name)
		}
	}
}

// The table of settings stands in the README between these lines.
const (
	tableBegin = "<!-- config:begin -->\n"
	tableEnd   = "<!-- config:end -->\n"
)

func TestReadmeHasTheTable(t *testing.T) {
	const file = "../../README.md"
	readme, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var table bytes.Buffer
	printConfigTable(&table, "en")
	want := tableBegin + table.String() + tableEnd
	if strings.Contains(string(readme), want) {
		return
	}
	if !*update {
		t.Fatal("README.md does not hold the table of settings as it is: go generate ./cmd/ripen")
	}
	before, rest, found := strings.Cut(string(readme), tableBegin)
	if !found {
		before, rest = string(readme)+"\n## Settings\n\n", tableEnd
	}
	_, after, _ := strings.Cut(rest, tableEnd)
	if err := os.WriteFile(file, []byte(before+want+after), 0o644); err != nil {
		t.Fatal(err)
	}
}
