// Package clients holds the proof that other people's clients may be pointed at
// Ripen: its test installs them at pinned versions (testdata/package-lock.json,
// testdata/go/go.sum; neither is part of the product) and runs each against a
// real server, through a proxy that loses answers after delivery, says 503 and
// cuts answers short. Every event must be in the log exactly once. The browser
// libraries run in Chromium, on the pages of a site (testdata/visit.js), with
// what a visitor does; there the console must be silent, too.
//
// It runs with 'make e2e' only: it needs npm and the module proxy.
package clients
