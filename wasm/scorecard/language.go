package scorecard

import _ "embed" // the reference is part of the program

//go:generate go test -run ^TestLanguage$ . -update

// Language is the reference of the language, in Markdown.
//
//go:embed LANGUAGE.md
var Language string
