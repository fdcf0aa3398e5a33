// Package meter reads the bytes of a WebAssembly module before any engine sees
// them, and writes gas into them.
//
// [Parse] bounds everything that has been seen to hurt an engine: counts, sizes,
// nesting, loops, jump tables, locals, and what they multiply to. It decodes every
// instruction of every body against a list of those that a scoring module may
// use, and every index against its space, so that nothing a module names can
// come to mean something that [Module.Metered] adds. It does not check types:
// that is the engine's part, before and after.
//
// [Module.Metered] returns the module with a counter that each function takes
// from when it is entered and each loop at every turn, and that stops the module
// when it falls below zero. It promises that no call runs longer than its gas,
// nor deeper than [StackMax], and that what a module computes stays the same.
//
// Parse never panics and allocates no more than eight times its input. The
// package knows WebAssembly and nothing of scores.
package meter
