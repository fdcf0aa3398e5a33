//go:build ignore

// Command gen writes dist/ from src/.
package main

import (
	"log"
	"os"

	"ripen/snippet/build"
)

func main() {
	snippet, onsite, err := build.Bundle("src")
	if err != nil {
		log.Fatal(err)
	}
	for name, js := range map[string][]byte{"dist/ripen.js": snippet, "dist/onsite.js": onsite} {
		if err := os.WriteFile(name, js, 0o644); err != nil {
			log.Fatal(err)
		}
	}
}
