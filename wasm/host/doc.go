// Package host runs scoring modules: it checks them, compiles them with wazero,
// and passes events in and scores out through the IO area of ripen/wasm.
//
// A [Host] holds compiled modules; an [Instance] is one module at work and
// belongs to one goroutine at a time. State is opaque bytes that the caller
// keeps. Fold and Score allocate nothing in the steady state. Gas bounds every
// call; after a trap the instance is dropped and the next call gets a new one,
// so nothing of a failed call is left.
//
// A module reaches wazero only after [Check] has read its structure. That is
// enough for modules that ripen/wasm/compile wrote; bytes from strangers need
// the longer way of DESIGN.md, which is not here yet.
package host
