// Package host runs scoring modules: it checks them, compiles them with wazero,
// and passes events in and scores out through the IO area of ripen/wasm.
//
// A [Host] holds compiled modules; an [Instance] is one module at work and
// belongs to one goroutine at a time. State is opaque bytes that the caller
// keeps. Fold and Score allocate nothing in the steady state. Gas bounds every
// call; after a trap the instance is dropped and the next call gets a new one,
// so nothing of a failed call is left.
//
// What ripen/wasm/compile wrote is loaded by [Host.Load]. A stranger's module is
// decided upon by [Host.Admit] and loaded by [Host.LoadUpload]: wazero compiles it
// in a child process only, which is this program again, running [Work]. Either
// way it is bounded and metered by ripen/wasm/meter before wazero sees a byte.
//
// Stored, in the cache directory: compiled code, which can be lost at any time.
package host
