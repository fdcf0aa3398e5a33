package mailtest

import (
	"os/exec"
	"testing"
)

// Python returns the interpreter that has aiosmtpd, the mail server of Debian's
// package python3-aiosmtpd, which 'make deps' installs; python3 in the PATH may be
// another one. Where there is none the test is skipped, and says so.
func Python(t *testing.T) string {
	t.Helper()
	for _, python := range []string{"/usr/bin/python3", "python3"} {
		if exec.Command(python, "-c", "import aiosmtpd").Run() == nil {
			return python
		}
	}
	t.Skip("SKIPPED: no mail server that others wrote is here: make deps installs python3-aiosmtpd")
	return ""
}
