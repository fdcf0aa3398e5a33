package main

import (
	"bytes"
	"strings"
	"testing"
)

// try runs a command line and returns its exit code and what it printed.
func try(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	code = run(t.Context(), args, strings.NewReader(""), &out, &err)
	return code, out.String(), err.String()
}

func TestUsage(t *testing.T) {
	t.Setenv("RIPEN_DATA", "")
	f := func(code int, want string, args ...string) {
		t.Helper()
		got, _, stderr := try(t, args...)
		if got != code || !strings.Contains(stderr, want) {
			t.Errorf("ripen %s: code %d, want %d; stderr %q, want %q", strings.Join(args, " "), got, code, stderr, want)
		}
		if len(args) > 0 && strings.Count(stderr, "\n") != 1 {
			t.Errorf("ripen %s: stderr is not one line: %q", strings.Join(args, " "), stderr)
		}
	}
	f(2, "no command given")
	f(2, `no command "tennant" (did you mean "tenant"?); see 'ripen help'`, "tennant")
	f(2, `"tenant" needs one of: create, list, rotate-keys`, "tenant")
	f(2, `"tenant" needs one of`, "tenant", "destroy")
	f(2, "leads top takes no arguments", "leads", "top", "me")
	f(2, "tenant create takes NAME", "tenant", "create")
	f(2, `--limit: "many" is not a whole number`, "leads", "top", "--limit", "many")
	f(2, "flag provided but not defined: -colour", "leads", "top", "--colour")
	f(2, "no server named", "leads", "top")
	f(2, "serve needs --data", "serve")
	f(2, `log-level: "loud" is not debug`, "serve", "--data", "x", "--log-level", "loud")
	f(2, `no help for "nothing"`, "help", "nothing")
	f(1, "no such file", "scorecard", "check", "nofile.yaml")
}

func TestHelpSpeaksTwoLanguages(t *testing.T) {
	t.Setenv("LC_ALL", "")
	t.Setenv("LC_MESSAGES", "")
	f := func(lang, want string, args ...string) {
		t.Helper()
		t.Setenv("LANG", lang)
		code, stdout, _ := try(t, args...)
		if code != 0 || !strings.Contains(stdout, want) {
			t.Errorf("LANG=%s ripen %s: code %d, no %q in:\n%s", lang, strings.Join(args, " "), code, want, stdout)
		}
	}
	f("C", "Usage:  ripen COMMAND", "help")
	f("es_ES.UTF-8", "Uso:  ripen ORDEN", "help")
	f("es_ES.UTF-8", "Usage:  ripen COMMAND", "help", "--lang", "en")
	f("C", "los leads más maduros", "help", "leads", "top", "--lang=es")
	f("C", "los leads más maduros", "leads", "top", "--help", "--lang", "es")
	f("C", "NAME", "help", "tenant")
	f("C", "ExecStart=", "help", "systemd")
	f("es", "| opción |", "help", "config")
}

func TestEveryCommandTeaches(t *testing.T) {
	for _, c := range commands() {
		if c.summary.en == "" || c.summary.es == "" {
			t.Errorf("%s has no summary in both languages", c.name)
		}
		if c.name != "version" && !strings.Contains(c.help, "  ripen "+c.name) {
			t.Errorf("the help of %s shows no example of it", c.name)
		}
		if !strings.HasPrefix(c.args, strings.ToUpper(c.args)) || (c.args == "") != (c.max == 0) {
			t.Errorf("%s: arguments %q do not fit their number %d to %d", c.name, c.args, c.min, c.max)
		}
	}
}

func TestDistance(t *testing.T) {
	f := func(a, b string, want int) {
		t.Helper()
		if got := distance(a, b); got != want {
			t.Errorf("%s → %s: got %d, want %d", a, b, got, want)
		}
	}
	f("serve", "serve", 0)
	f("serve", "server", 1)
	f("leads", "elads", 2)
	f("", "abc", 3)
}
