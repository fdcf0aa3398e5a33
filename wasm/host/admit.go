package host

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/tetratelabs/wazero"

	"ripen/wasm"
)

// How long a child may take, and may be waited for until others have ended: for
// someone who uploads; and for a module that the log says is in force, but which
// the cache has lost. What a module costs is judged by the processor time of its
// child (childCPU), which is the same either way and on any machine: these are far
// above it, for a machine that is busy with other things, and for nothing else.
const (
	workTime  = 30 * time.Second
	againTime = 2 * time.Minute
)

// What a child may take: far above what a module within the limits of
// ripen/wasm/meter needs.
const (
	childData = 512 << 20 // bytes
	childCPU  = 4         // seconds of processor time
)

// cacheMost is how many admitted modules the cache keeps; the oldest go first,
// and are compiled again when they are asked for.
const cacheMost = 512

// workerFailed is the exit code of a child that fails by itself; one that its
// module kills has others: it dies of a signal, or as Go's runtime does.
const workerFailed = 1

// ErrBusy says that other modules are being compiled: ask again.
var ErrBusy = errors.New("other modules are being compiled: ask again in some seconds")

// Admit decides whether a stranger's module may score: it is bounded, compiled in
// a child process, and tried on leads, events in the order of their time each;
// samples if there are none. What it refuses is a [*meter.Refusal]. What was
// compiled is kept for [Host.LoadUpload].
func (h *Host) Admit(ctx context.Context, b []byte, leads [][]wasm.Event) (*Report, error) {
	k, card, err := readUpload(b)
	if err != nil {
		return nil, err
	}
	if len(leads) == 0 {
		leads = samples(card)
	}
	metered, err := k.mod.Metered(initGas)
	if err != nil {
		return nil, err
	}
	return h.admit(ctx, k, &ask{Module: b, Leads: leads}, metered, workTime)
}

// LoadUpload makes a stranger's module runnable that was admitted before; if the
// cache has lost it, a child compiles it again.
func (h *Host) LoadUpload(ctx context.Context, b []byte) (*Module, error) {
	k, card, err := readUpload(b)
	if err != nil {
		return nil, err
	}
	metered, err := k.mod.Metered(initGas)
	if err != nil {
		return nil, err
	}
	e, err := h.strangersEngine()
	if err != nil {
		return nil, err
	}
	if !e.has(metered) {
		if _, err := h.admit(ctx, k, &ask{Module: b}, metered, againTime); err != nil {
			return nil, err
		}
	}
	return h.compile(e, card, k, metered)
}

// strangersEngine is made when the first stranger comes.
func (h *Host) strangersEngine() (*engine, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.strangers != nil {
		return h.strangers, nil
	}
	dir := filepath.Join(h.cfg.CacheDir, "uploads")
	if h.cfg.CacheDir == "" {
		var err error
		if h.temporary, err = os.MkdirTemp("", "ripen-modules-"); err != nil {
			return nil, err
		}
		dir = h.temporary
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	left, err := filepath.Glob(filepath.Join(dir, "child-*")) // by a process that was killed
	for _, of := range left {
		err = errors.Join(err, os.RemoveAll(of))
	}
	if err != nil {
		return nil, err
	}
	e, err := newEngine(h.ctx, runtimeConfig(), dir)
	if err == nil {
		e.kind, err = kindOf(dir)
	}
	if err == nil {
		h.strangers = e
	}
	return h.strangers, err
}

// kindOf is the name under which this version of the engine keeps code in an empty
// cache: what another version left would be compiled anew, here.
func kindOf(dir string) (string, error) {
	probe, err := os.MkdirTemp(dir, "child-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(probe) // it is empty but for the name
	if _, err := wazero.NewCompilationCacheWithDir(probe); err != nil {
		return "", err
	}
	names, err := os.ReadDir(probe)
	if err == nil && len(names) != 1 {
		err = fmt.Errorf("the module cache %s: need one directory of the engine's, have %d", probe, len(names)) // unreachable unless wazero changes
	}
	if err != nil {
		return "", err
	}
	return names[0].Name(), nil
}

// note is the file that says that the compiled code of metered bytes is in the
// cache: it holds the code's path.
func (e *engine) note(metered []byte) string {
	sum := sha256.Sum256(metered)
	return filepath.Join(e.dir, hex.EncodeToString(sum[:])+".admitted")
}

func (e *engine) has(metered []byte) bool {
	path, err := os.ReadFile(e.note(metered))
	if err != nil || filepath.Dir(string(path)) != e.kind {
		return false
	}
	_, err = os.Stat(filepath.Join(e.dir, string(path)))
	return err == nil
}

func (h *Host) admit(ctx context.Context, k *checked, a *ask, metered []byte, patience time.Duration) (*Report, error) {
	e, err := h.strangersEngine()
	if err != nil {
		return nil, err
	}
	wait, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case h.admitting <- struct{}{}: // one at a time: each may take half a gigabyte
		defer func() { <-h.admitting }()
	case <-wait.Done():
		return nil, ErrBusy
	}
	if a.Cache, err = os.MkdirTemp(e.dir, "child-"); err != nil {
		return nil, err
	}
	defer os.RemoveAll(a.Cache) // what is of use has been moved
	said, err := h.child(ctx, k, a, patience)
	if err != nil {
		return nil, err
	}
	if said.Refusal != nil {
		return nil, said.Refusal
	}
	return &said.Report, errors.Join(e.keep(a.Cache, e.note(metered)), e.prune())
}

// prune removes the oldest of too many modules from the cache.
func (e *engine) prune() error {
	notes, err := filepath.Glob(filepath.Join(e.dir, "*.admitted"))
	if err != nil || len(notes) <= e.most {
		return err
	}
	age := func(file string) time.Time {
		info, err := os.Stat(file)
		if err != nil {
			return time.Time{} // it has gone: first of all
		}
		return info.ModTime()
	}
	slices.SortFunc(notes, func(a, b string) int { return age(a).Compare(age(b)) })
	var errs []error
	for _, note := range notes[:len(notes)-e.most] {
		code, err := os.ReadFile(note)
		if err == nil {
			err = os.Remove(filepath.Join(e.dir, string(code)))
		}
		errs = append(errs, err, os.Remove(note))
	}
	return errors.Join(errs...)
}

// keep moves compiled code from a child's directory into the cache and notes it.
func (e *engine) keep(dir, note string) error {
	return filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, file)
		if err == nil {
			err = os.MkdirAll(filepath.Dir(filepath.Join(e.dir, name)), 0o700)
		}
		if err == nil {
			err = os.Rename(file, filepath.Join(e.dir, name))
		}
		if err == nil {
			err = os.WriteFile(note, []byte(name), 0o600)
		}
		return err
	})
}

// child runs one worker process. It sees nothing of this process but its task.
func (h *Host) child(ctx context.Context, k *checked, a *ask, patience time.Duration) (*answer, error) {
	line := h.cfg.Worker
	if line == nil {
		self, err := os.Executable()
		if err != nil {
			return nil, fmt.Errorf("find this program: %w", err)
		}
		line = []string{self, WorkerCommand}
	}
	var task, out, complaint bytes.Buffer
	if err := json.NewEncoder(&task).Encode(a); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, line[0], line[1:]...)
	cmd.Env = []string{"GOMAXPROCS=1", "GOTRACEBACK=none", "TMPDIR=" + a.Cache}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = &task, &short{&out, 1 << 20}, &short{&complaint, 4 << 10}
	cmd.WaitDelay = time.Second
	attach(cmd)
	err := cmd.Run()
	if err == nil {
		var said answer
		if err = json.NewDecoder(&out).Decode(&said); err == nil {
			return &said, nil
		}
	}
	first, _, _ := strings.Cut(strings.TrimSpace(complaint.String()), "\n")
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() != workerFailed {
		return nil, codeRefusal(k, fmt.Sprintf("need what compiles in %d MB and %d seconds of processor time", childData>>20, childCPU), "compiling it ended with: %v %s", err, first)
	}
	return nil, fmt.Errorf("run the worker: %w: %s", err, first)
}

// short keeps the beginning of what is written to it.
type short struct {
	b    *bytes.Buffer
	room int
}

func (s *short) Write(p []byte) (int, error) {
	n := min(len(p), s.room-s.b.Len())
	s.b.Write(p[:n])
	return len(p), nil
}
