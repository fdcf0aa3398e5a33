package scoring

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

var engineNames = []string{"expr", "cel", "goja"}

// engines is the program of bench/engines at work: what it builds on is in a
// manifest of its own.
type engines struct {
	cmd      *exec.Cmd
	in       io.WriteCloser
	ask      *json.Encoder
	answer   *json.Decoder
	said     bytes.Buffer // what it complains of
	versions map[string]string
}

// openEngines builds and starts it, and holds each engine to saying of each
// record what Go by hand says.
func (b *bench) openEngines(ctx context.Context, all []record) (*engines, error) {
	dir, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "ripen").Output()
	if err != nil {
		return nil, fmt.Errorf("find the module: %w", err)
	}
	path := filepath.Join(b.dir, "engines")
	build := exec.CommandContext(ctx, "go", "build", "-o", path, ".")
	build.Dir = filepath.Join(strings.TrimSpace(string(dir)), "bench", "engines")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build bench/engines: %w: %s", err, bytes.TrimSpace(out))
	}
	e := &engines{cmd: exec.CommandContext(ctx, path)}
	e.cmd.Stderr = &e.said
	if e.in, err = e.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := e.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := e.cmd.Start(); err != nil {
		return nil, err
	}
	e.ask, e.answer = json.NewEncoder(e.in), json.NewDecoder(out)
	if err := e.begin(all); err != nil {
		return nil, errors.Join(err, e.close())
	}
	return e, nil
}

func (e *engines) begin(all []record) error {
	if err := e.ask.Encode(map[string]any{"rules": rules(), "records": all}); err != nil {
		return err
	}
	var said struct {
		Versions map[string]string
		Holds    map[string][]uint32
	}
	if err := e.answer.Decode(&said); err != nil {
		return fmt.Errorf("read what bench/engines says: %w: %s", err, e.said.Bytes())
	}
	e.versions = said.Versions
	for _, name := range engineNames {
		if len(said.Holds[name]) != len(all) {
			return fmt.Errorf("%s says %d of %d records", name, len(said.Holds[name]), len(all))
		}
		for i := range all {
			var v verdict
			all[i].score(&v)
			if got, want := said.Holds[name][i], bitsOf(v.points); got != want {
				return fmt.Errorf("record %d: %s finds rules %020b, Go by hand %020b", i, name, got, want)
			}
		}
	}
	return nil
}

func (e *engines) close() error {
	err := e.in.Close()
	if err := e.cmd.Wait(); err != nil {
		return fmt.Errorf("bench/engines: %w: %s", err, bytes.TrimSpace(e.said.Bytes()))
	}
	return err
}

// lane times an engine in the child.
func (e *engines) lane(name string) lane {
	return lane{name + " " + e.versions[name], func(slice time.Duration) (float64, error) {
		lap := struct {
			Engine string  `json:"engine"`
			Ns     float64 `json:"ns"`
		}{name, float64(slice.Nanoseconds())}
		err := e.ask.Encode(lap)
		if err == nil {
			err = e.answer.Decode(&lap)
		}
		if err != nil {
			return 0, fmt.Errorf("%s: %w", name, err)
		}
		return lap.Ns, nil
	}}
}
