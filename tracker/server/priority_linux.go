package server

import "syscall"

// learnNice is the niceness of the thread that learns: beside a busy one it gets about
// a tenth of a core.
const learnNice = 10

// lowerPriority lets all other threads go first. On Linux a niceness is a thread's own.
func lowerPriority() error { return syscall.Setpriority(syscall.PRIO_PROCESS, 0, learnNice) }
