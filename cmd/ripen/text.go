package main

import (
	"os"
	"strings"
)

// text is a sentence in the languages that the command line speaks.
type text struct{ en, es string }

// in returns the text in a language: "es", or English for anything else.
func (t text) in(lang string) string {
	if lang == "es" && t.es != "" {
		return t.es
	}
	return t.en
}

// systemLanguage is the language that the environment asks for, in the order
// in which the C library looks.
func systemLanguage() string {
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if v := os.Getenv(name); v != "" {
			if strings.HasPrefix(v, "es") {
				return "es"
			}
			return "en"
		}
	}
	return "en"
}
