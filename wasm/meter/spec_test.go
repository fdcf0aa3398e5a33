package meter

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// specTests is where the engine's copy of the specification's tests lies in the
// module cache.
func specTests(t testing.TB) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/tetratelabs/wazero").Output()
	if err != nil {
		t.Fatalf("find the module cache: %v", err)
	}
	return filepath.Join(strings.TrimSpace(string(out)), "internal/integration_test/spectest")
}

func specFiles(t testing.TB, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(specTests(t), pattern))
	if err != nil || len(files) == 0 {
		t.Fatalf("no tests of the specification: %v", err)
	}
	return files
}

// TestSpecModules gives Parse each module of the specification's tests, right
// ones and wrong ones. What it takes and the engine takes, the engine takes
// metered, too.
func TestSpecModules(t *testing.T) {
	rt := wazero.NewRuntimeWithConfig(t.Context(), wazero.NewRuntimeConfigInterpreter())
	defer rt.Close(t.Context())
	taken, valid := 0, 0
	files := specFiles(t, "*/testdata/*.wasm")
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		m, err := Parse(src, Stranger, "")
		if err != nil {
			if _, ok := errors.AsType[*Refusal](err); !ok {
				t.Fatalf("%s: %v", file, err)
			}
			continue
		}
		taken++
		metered, err := m.Metered(1000)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		raw, rawErr := rt.CompileModule(t.Context(), src)
		got, err := rt.CompileModule(t.Context(), metered)
		if (rawErr == nil) != (err == nil) {
			t.Errorf("%s: raw %v, metered %v", file, rawErr, err)
		}
		if err == nil {
			valid++
			raw.Close(t.Context())
			got.Close(t.Context())
		}
	}
	t.Logf("%d modules, %d taken, %d of them valid", len(files), taken, valid)
	if taken < 1000 || valid < 700 {
		t.Errorf("of %d modules only %d are taken and %d valid", len(files), taken, valid)
	}
}

type specCommand struct {
	Type     string
	Line     int
	Filename string
	Action   struct {
		Type, Module, Field string
		Args                []specValue
	}
}

type specValue struct {
	Type  string
	Value json.RawMessage
}

func (v specValue) bits() (uint64, error) {
	var s string
	if err := json.Unmarshal(v.Value, &s); err != nil || !strings.Contains("i32 i64 f32 f64", v.Type) {
		return 0, fmt.Errorf("a value of type %s", v.Type)
	}
	if strings.HasPrefix(s, "nan") {
		return 0x7ff8_0000_7fc0_0000, nil // a quiet one of either size
	}
	return strconv.ParseUint(s, 10, 64)
}

// pair is one module twice.
type pair struct{ raw, metered api.Module }

func (p *pair) open(t *testing.T, rt wazero.Runtime, src []byte) {
	for _, m := range []api.Module{p.raw, p.metered} {
		if m != nil {
			m.Close(t.Context())
		}
	}
	*p = pair{}
	m, err := Parse(src, Stranger, "")
	if err != nil {
		return
	}
	metered, err := m.Metered(1 << 40)
	if err != nil {
		return
	}
	raw, err := rt.InstantiateWithConfig(t.Context(), src, wazero.NewModuleConfig().WithName(""))
	if err != nil {
		return
	}
	got, err := rt.InstantiateWithConfig(t.Context(), metered, wazero.NewModuleConfig().WithName(""))
	if err != nil {
		t.Errorf("instantiated raw, but not metered: %v", err)
		return
	}
	*p = pair{raw, got}
}

// TestSpecAsserts calls what the specification's tests call, raw and metered, and
// compares every result, trap and exported memory.
func TestSpecAsserts(t *testing.T) {
	ctx := context.Background()
	rt := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigCompiler().WithMemoryLimitPages(PagesMax))
	defer rt.Close(ctx)
	compared, trapped := 0, 0
	for _, file := range specFiles(t, "v2/testdata/*.json") {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var script struct{ Commands []specCommand }
		if err := json.Unmarshal(b, &script); err != nil {
			t.Fatal(err)
		}
		var p pair
		for _, c := range script.Commands {
			switch c.Type {
			case "module":
				src, err := os.ReadFile(filepath.Join(filepath.Dir(file), c.Filename))
				if err != nil {
					t.Fatal(err)
				}
				p.open(t, rt, src)
			case "action", "assert_return", "assert_trap", "assert_exhaustion":
				if p.raw == nil || c.Action.Type != "invoke" || c.Action.Module != "" {
					continue
				}
				n, trap, err := p.compare(ctx, &c)
				if err != nil {
					t.Errorf("%s:%d: %s: %v", filepath.Base(file), c.Line, c.Action.Field, err)
				}
				compared, trapped = compared+n, trapped+trap
			}
		}
	}
	t.Logf("%d calls compared, %d of them trap", compared, trapped)
	if compared < 15_000 || trapped < 300 {
		t.Errorf("only %d calls compared, %d traps", compared, trapped)
	}
}

func (p *pair) compare(ctx context.Context, c *specCommand) (compared, trapped int, err error) {
	var args []uint64
	for _, a := range c.Action.Args {
		v, err := a.bits()
		if err != nil {
			return 0, 0, nil // vectors cannot be passed from outside
		}
		args = append(args, v)
	}
	f, g := p.raw.ExportedFunction(c.Action.Field), p.metered.ExportedFunction(c.Action.Field)
	if f == nil || len(args) != len(f.Definition().ParamTypes()) {
		return 0, 0, nil
	}
	want, wantErr := f.Call(ctx, args...)
	got, gotErr := g.Call(ctx, args...)
	switch {
	case c.Type == "assert_exhaustion":
		if gotErr == nil {
			return 0, 0, errors.New("it does not end")
		}
		if d := p.metered.ExportedGlobal(ExportDepth).(api.MutableGlobal); d.Get() <= DepthMax {
			return 0, 0, fmt.Errorf("at depth %d: %w", d.Get(), gotErr)
		}
		p.metered.ExportedGlobal(ExportDepth).(api.MutableGlobal).Set(0)
		return 1, 1, nil
	case wantErr != nil && gotErr != nil:
		first := func(e error) string { s, _, _ := strings.Cut(e.Error(), "\n"); return s }
		if first(wantErr) != first(gotErr) {
			return 0, 0, fmt.Errorf("raw %w, metered %w", wantErr, gotErr)
		}
		p.metered.ExportedGlobal(ExportDepth).(api.MutableGlobal).Set(0)
		return 1, 1, nil
	case fmt.Sprint(want, wantErr) != fmt.Sprint(got, gotErr):
		return 0, 0, fmt.Errorf("raw %v %w, metered %v %w", want, wantErr, got, gotErr)
	}
	for name := range p.raw.ExportedMemoryDefinitions() {
		x, y := p.raw.ExportedMemory(name), p.metered.ExportedMemory(name)
		a, _ := x.Read(0, x.Size())
		b, _ := y.Read(0, y.Size())
		if string(a) != string(b) {
			return 0, 0, errors.New("memory differs")
		}
	}
	return 1, 0, nil
}
