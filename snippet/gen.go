//go:build ignore

// Command gen writes dist/ripen.js from src/.
package main

import (
	"log"
	"os"

	"ripen/snippet/build"
)

func main() {
	js, err := build.Bundle("src")
	if err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile("dist/ripen.js", js, 0o644); err != nil {
		log.Fatal(err)
	}
}
