// Command engines evaluates rules with the engines that Ripen is compared with:
// expr-lang, cel-go and goja. It is a module of its own, so that none of them is
// ever the product's, and a child of "go run ./bench/cmd/bench --scoring", which
// tells it on its input, one JSON value after the other, the rules and records
// and then how long to run which engine; it answers each with one.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"runtime/debug"
	"strings"
	"time"
)

// task is the first thing asked.
type task struct {
	Rules   []rule   `json:"rules"`
	Records []record `json:"records"`
}

// rule is one condition in three languages.
type rule struct {
	Expr string `json:"expr"`
	Cel  string `json:"cel"`
	Js   string `json:"js"`
}

// record is a lead; the names are those of the conditions.
type record struct {
	JobTitle    string  `json:"job_title" expr:"job_title"`
	EmailDomain string  `json:"email_domain" expr:"email_domain"`
	MetAt       string  `json:"met_at" expr:"met_at"`
	Country     string  `json:"country" expr:"country"`
	Industry    string  `json:"industry" expr:"industry"`
	Age         float64 `json:"age" expr:"age"`
	Downloads   float64 `json:"downloads" expr:"downloads"`
	Employees   float64 `json:"employees" expr:"employees"`
	Revenue     float64 `json:"revenue" expr:"revenue"`
	Path        string  `json:"path" expr:"path"`
	Referrer    string  `json:"referrer" expr:"referrer"`
	Title       string  `json:"title" expr:"title"`
	Seconds     float64 `json:"seconds" expr:"seconds"`
}

// engine says which rules hold for a record, as bits.
type engine interface {
	// holds evaluates all rules on record i, which was made ready before.
	holds(i int) (bits uint32, err error)
}

// said is what the program answers to the task.
type said struct {
	Versions map[string]string   `json:"versions"`
	Holds    map[string][]uint32 `json:"holds"` // by engine, for each record
}

// lap asks for one engine to run for so long.
type lap struct {
	Engine string  `json:"engine"`
	Ns     float64 `json:"ns"` // to run; in the answer, of one record at best
}

func main() {
	if err := serve(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "engines:", err)
		os.Exit(1)
	}
}

func serve(in io.Reader, out io.Writer) error {
	ask, answer := json.NewDecoder(in), json.NewEncoder(out)
	var t task
	if err := ask.Decode(&t); err != nil {
		return fmt.Errorf("read the task: %w", err)
	}
	engines := map[string]engine{}
	for name, open := range map[string]func(*task) (engine, error){"expr": newExpr, "cel": newCel, "goja": newGoja} {
		e, err := open(&t)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		engines[name] = e
	}
	first := said{versions(), map[string][]uint32{}}
	for name, e := range engines {
		for i := range t.Records {
			bits, err := e.holds(i)
			if err != nil {
				return fmt.Errorf("%s, record %d: %w", name, i, err)
			}
			first.Holds[name] = append(first.Holds[name], bits)
		}
	}
	if err := answer.Encode(first); err != nil {
		return err
	}
	for {
		var l lap
		if err := ask.Decode(&l); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		e := engines[l.Engine]
		if e == nil {
			return fmt.Errorf("no engine %q", l.Engine)
		}
		ns, err := timed(e, len(t.Records), time.Duration(l.Ns))
		if err != nil {
			return err
		}
		if err := answer.Encode(lap{l.Engine, ns}); err != nil {
			return err
		}
	}
}

// timed is what the bench does with what runs in its own process: the best of
// eight portions counts.
func timed(e engine, records int, slice time.Duration) (float64, error) {
	const portions = 8
	best, i := math.MaxFloat64, 0
	for range portions {
		n, began := 0, time.Now()
		var took time.Duration
		for took < slice/portions {
			for range 32 {
				if _, err := e.holds(i); err != nil {
					return 0, err
				}
				if i++; i == records {
					i = 0
				}
			}
			n += 32
			took = time.Since(began)
		}
		best = min(best, float64(took.Nanoseconds())/float64(n))
	}
	return best, nil
}

// versions names what was built in.
func versions() map[string]string {
	out := map[string]string{}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return out
	}
	for _, d := range info.Deps {
		for name, path := range map[string]string{"expr": "github.com/expr-lang/expr", "cel": "cel.dev/cel-go", "goja": "github.com/dop251/goja"} {
			if d.Path == path {
				out[name] = strings.TrimPrefix(d.Version, "v0.0.0-")
			}
		}
	}
	return out
}
