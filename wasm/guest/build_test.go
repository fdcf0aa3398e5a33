package guest

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestBuild builds every starter whose toolchain is here, as its tenant would, in
// a folder that `ripen module new` could have written; runs its tests; and holds
// the new module to the cases and to the reference. What it cannot build it
// skips, and says what is missing. RIPEN_UPDATE=1, which is what make guests
// sets, keeps what was built and the hashes of what it was built from.
func TestBuild(t *testing.T) {
	if testing.Short() {
		t.Skip("toolchains take some seconds each")
	}
	h := newHost(t)
	for _, s := range Starters() {
		t.Run(s.Lang, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.CopyFS(dir, s.Files()); err != nil {
				t.Fatal(err)
			}
			if err := os.Remove(filepath.Join(dir, "score.wasm")); err != nil {
				t.Fatal(err)
			}
			env := toolchain(t, s, dir)
			for _, line := range []string{s.Build, s.Test} {
				if out, err := command(dir, env, line); err != nil {
					t.Fatalf("%s: %v\n%s", line, err, out)
				}
			}
			src, err := os.ReadFile(filepath.Join(dir, "score.wasm"))
			if err != nil {
				t.Fatal(err)
			}
			m, _ := load(t, h, src)
			holdToCases(t, s, m)
			holdToReference(t, &one{in: instance(t, m)}, newRaw(t, src), 200)
			if !t.Failed() && os.Getenv("RIPEN_UPDATE") != "" {
				keep(t, s, src)
			}
		})
	}
}

// keep makes a module the one that the repository has.
func keep(t *testing.T, s Starter, src []byte) {
	t.Helper()
	files := onDisk(t, s.Lang)
	same := bytes.Equal(files["score.wasm"], src)
	files["score.wasm"] = src
	err := errors.Join(
		os.WriteFile(filepath.Join(s.Lang, "score.wasm"), src, 0o644),
		os.WriteFile(filepath.Join(s.Lang, "score.wasm.sum"), sums(files), 0o644))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("rebuilt %s/score.wasm, %d bytes; the same as before: %v", s.Lang, len(src), same)
}

// buildTime is when a command is given up: a registry may never answer.
const buildTime = 3 * time.Minute

func command(dir string, env []string, line string) ([]byte, error) {
	words := strings.Fields(line)
	ctx, cancel := context.WithTimeout(context.Background(), buildTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, words[0], words[1:]...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "MAKEFLAGS=", "NO_COLOR=1") // a make that runs this test keeps its flags to itself
	cmd.Env = append(cmd.Env, env...)
	return cmd.CombinedOutput()
}

// toolchain finds what a starter needs, or skips its test; it returns what the
// toolchain needs of the environment.
func toolchain(t *testing.T, s Starter, dir string) []string {
	t.Helper()
	need := func(programs ...string) {
		t.Helper()
		for _, p := range programs {
			if _, err := exec.LookPath(p); err != nil {
				t.Skipf("SKIPPED %s: no %s here; it needs %s", s.Lang, p, s.Needs)
			}
		}
	}
	switch s.Lang {
	case "rust":
		need("make")
		bin := rustWithWasm()
		if bin == "" {
			t.Skipf("SKIPPED %s: no cargo here whose rustc has the target; it needs %s", s.Lang, s.Needs)
		}
		return []string{"PATH=" + bin + string(os.PathListSeparator) + os.Getenv("PATH")}
	case "c":
		need("make", "cc", "clang", "wasm-ld")
	case "assemblyscript":
		need("node", "npm")
		if out, err := command(dir, nil, "npm ci --no-audit --no-fund"); err != nil {
			t.Skipf("SKIPPED %s: npm ci: %v\n%s", s.Lang, err, out)
		}
	case "wat":
		need("make", "wat2wasm", "wast2json", "spectest-interp")
	default:
		t.Fatalf("nobody has said what %s needs", s.Lang)
	}
	return nil
}

// rustWithWasm returns a directory of the path that has a cargo, and a rustc that
// can compile to WebAssembly; there may be others before it that cannot.
func rustWithWasm() string {
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		if _, err := os.Stat(filepath.Join(dir, "cargo")); err != nil {
			continue
		}
		root, err := exec.Command(filepath.Join(dir, "rustc"), "--print", "sysroot").Output()
		if err != nil {
			continue
		}
		found, err := fs.Glob(os.DirFS(strings.TrimSpace(string(root))), "lib/rustlib/wasm32-unknown-unknown/lib/libcore-*.rlib")
		if err == nil && len(found) > 0 {
			return dir
		}
	}
	return ""
}
