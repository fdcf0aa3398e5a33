//go:build race

package host

func init() { racing = true }
