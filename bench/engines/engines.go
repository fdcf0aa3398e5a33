package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/ext"
	"github.com/dop251/goja"
	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/vm"
)

// exprEngine has one program for each rule, typed on the struct.
type exprEngine struct {
	programs []*vm.Program
	records  []*record
	machine  vm.VM
}

func newExpr(t *task) (engine, error) {
	e := &exprEngine{}
	for _, r := range t.Rules {
		p, err := expr.Compile(r.Expr, expr.Env(&record{}), expr.AsBool())
		if err != nil {
			return nil, err
		}
		e.programs = append(e.programs, p)
	}
	for i := range t.Records {
		e.records = append(e.records, &t.Records[i])
	}
	return e, nil
}

func (e *exprEngine) holds(i int) (bits uint32, err error) {
	for n, p := range e.programs {
		v, err := e.machine.Run(p, e.records[i])
		if err != nil {
			return 0, err
		}
		if v.(bool) {
			bits |= 1 << n
		}
	}
	return bits, nil
}

// celEngine has one optimised program for each rule, over variables that were
// bound before.
type celEngine struct {
	programs []cel.Program
	records  []cel.Activation
}

func newCel(t *task) (engine, error) {
	env, err := cel.NewEnv(append(variables(t), ext.Strings())...)
	if err != nil {
		return nil, err
	}
	e := &celEngine{}
	for _, r := range t.Rules {
		ast, issues := env.Compile(r.Cel)
		if issues.Err() != nil {
			return nil, issues.Err()
		}
		p, err := env.Program(ast, cel.EvalOptions(cel.OptOptimize))
		if err != nil {
			return nil, err
		}
		e.programs = append(e.programs, p)
	}
	for i := range t.Records {
		known, err := cel.NewActivation(fieldsOf(&t.Records[i]))
		if err != nil {
			return nil, err
		}
		e.records = append(e.records, known)
	}
	return e, nil
}

func variables(t *task) (opts []cel.EnvOption) {
	for name, v := range fieldsOf(&t.Records[0]) {
		kind := cel.StringType
		if _, ok := v.(float64); ok {
			kind = cel.DoubleType
		}
		opts = append(opts, cel.Variable(name, kind))
	}
	return opts
}

// fieldsOf is a record by the names that conditions use.
func fieldsOf(r *record) map[string]any {
	b, err := json.Marshal(r)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	var m map[string]any
	if err := json.Unmarshal(b, &m); err != nil {
		panic("BUG: " + err.Error())
	}
	return m
}

func (e *celEngine) holds(i int) (bits uint32, err error) {
	for n, p := range e.programs {
		v, _, err := p.Eval(e.records[i])
		if err != nil {
			return 0, err
		}
		if v.Value() == true {
			bits |= 1 << n
		}
	}
	return bits, nil
}

// gojaEngine has one function for all rules, which is cheaper than twenty, and
// the records as objects of its own.
type gojaEngine struct {
	call    goja.Callable
	records []goja.Value
}

func newGoja(t *task) (engine, error) {
	var b strings.Builder
	names := fieldsOf(&t.Records[0])
	b.WriteString("(function(r) { var bits = 0")
	for name := range names {
		fmt.Fprintf(&b, ", %s = r.%s", name, name)
	}
	b.WriteString(";\n")
	for n, r := range t.Rules {
		fmt.Fprintf(&b, "if (%s) bits |= %d;\n", r.Js, 1<<n)
	}
	b.WriteString("return bits })")
	rt := goja.New()
	v, err := rt.RunString(b.String())
	if err != nil {
		return nil, err
	}
	e := &gojaEngine{}
	var ok bool
	if e.call, ok = goja.AssertFunction(v); !ok {
		return nil, fmt.Errorf("no function in %s", b.String())
	}
	for i := range t.Records {
		o := rt.NewObject()
		for name, v := range fieldsOf(&t.Records[i]) {
			if err := o.Set(name, v); err != nil {
				return nil, err
			}
		}
		e.records = append(e.records, o)
	}
	return e, nil
}

func (e *gojaEngine) holds(i int) (uint32, error) {
	v, err := e.call(goja.Undefined(), e.records[i])
	if err != nil {
		return 0, err
	}
	return uint32(v.ToInteger()), nil
}
