// Package guest holds the starters with which tenants write scoring modules of
// their own: in Rust, C, AssemblyScript, or WebAssembly by hand. `ripen module new`
// writes one out.
//
// A starter is a folder that stands alone: a library that hides the ABI of
// ripen/wasm, an example that scores, its tests, one command that builds it, the
// cases that `ripen module eval` holds it to, and the module as built here. The
// four examples are the same: they come to the same bits for every lead.
//
// Beside each module, score.wasm.sum has the hashes of what it was built from, as
// sha256sum writes them; `make guests` builds those whose toolchains are there.
//
// Nothing is stored, and nothing here runs a module: ripen/wasm/host does.
package guest

import (
	"embed"
	"io/fs"
)

//go:embed rust/Cargo.* rust/Makefile rust/README.md rust/rustfmt.toml rust/.gitignore rust/*.json rust/score.wasm rust/src/*.rs
//go:embed c/Makefile c/README.md c/.gitignore c/*.json c/score.wasm c/*.h c/*.c
//go:embed assemblyscript/README.md assemblyscript/.gitignore assemblyscript/*.js* assemblyscript/score.wasm assemblyscript/assembly/*.ts
//go:embed wat/Makefile wat/README.md wat/.gitignore wat/*.json wat/score.wasm wat/score.wat wat/test.wast
var files embed.FS

// Starter is one language's.
type Starter struct {
	Lang  string // as --lang names it, and its folder
	Name  string // for people
	Needs string // what the toolchain is, and where it comes from
	Build string // the command that builds score.wasm
	Test  string // the command that runs the tests
}

// Starters returns all, the one that most will want first.
func Starters() []Starter {
	return []Starter{
		{"rust", "Rust", "cargo, target wasm32-unknown-unknown (rustup target add)", "make", "make test"},
		{"c", "C", "clang, lld (apt install)", "make", "make test"},
		{"assemblyscript", "AssemblyScript", "node, npm (first: npm install)", "npm run build", "npm test"},
		{"wat", "WebAssembly text", "wat2wasm (apt install wabt)", "make", "make test"},
	}
}

// Files returns the starter's folder.
func (s Starter) Files() fs.FS {
	dir, err := fs.Sub(files, s.Lang)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return dir
}
