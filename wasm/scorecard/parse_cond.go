package scorecard

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// tests reads the conditions of when: or where:. All must hold.
func (p *reader) tests(v *node, trait bool) []*Test {
	if v.kind == scalarNode && v.text != "" && !trait {
		p.add(v, "where wants fields, not an expression", "write it as when: "+v.word())
		return nil
	}
	if v.kind != mapNode || len(v.keys) == 0 {
		p.add(v, fmt.Sprintf("a condition wants fields, not %s", v.word()), "write {field: value} or {field: {gt: 5}}")
		return nil
	}
	var out []*Test
	for i, k := range v.keys {
		if k.text == "" || len(k.text) > wordMax {
			p.add(k, "a condition names no field", "write the name of a property or attribute")
			continue
		}
		asked := p.conditions(v.values[i])
		p.placed(k, v.values[i], asked)
		for _, t := range asked {
			t.Field, t.Trait = k.text, trait
			out = append(out, t)
		}
	}
	return out
}

func (p *reader) conditions(v *node) []*Test {
	switch v.kind {
	case listNode:
		p.add(v, "a condition is a list", "write {in: […]}")
		return nil
	case scalarNode:
		return p.scalarTest(v)
	}
	var out []*Test
	put := func(t *Test) {
		if t != nil {
			out = append(out, t)
		}
	}
	edge := func(open, lower bool) func(k, v *node) {
		return func(k, v *node) {
			t := &Test{Op: OpRange, Lo: -most, Hi: most}
			if f := p.number(v, k.text); lower {
				t.Lo, t.LoOpen = f, open
			} else {
				t.Hi, t.HiOpen = f, open
			}
			put(t)
		}
	}
	p.fields(v, "a condition", map[string]func(k, v *node){
		"in":      func(_, v *node) { put(p.inTest(v, false)) },
		"not_in":  func(_, v *node) { put(p.inTest(v, true)) },
		"between": func(_, v *node) { put(p.between(v)) },
		"gt":      edge(true, true),
		"gte":     edge(false, true),
		"lt":      edge(true, false),
		"lte":     edge(false, false),
		"matches": func(_, v *node) { put(p.matches(v, false)) },
		"in_list": func(_, v *node) { put(&Test{Op: OpList, List: p.listName(v, "in_list")}) },

		"not_matches": func(_, v *node) { put(p.matches(v, true)) },
		"not_in_list": func(_, v *node) { put(&Test{Op: OpList, List: p.listName(v, "not_in_list"), Not: true}) },

		"exists": func(_, v *node) { put(&Test{Op: OpHas, Not: !p.boolean(v, "exists")}) },
	})
	if len(v.keys) == 0 {
		p.add(v, "a condition asks nothing", "write {gt: 5}, {in: […]} or a value")
	}
	return out
}

// scalarTest is equality, or a glob if the text holds a star.
func (p *reader) scalarTest(v *node) []*Test {
	if f, ok := plainNumber(v); ok {
		return []*Test{{Op: OpNum, Nums: []float64{f}}}
	}
	if v.text == "" && !v.quoted {
		p.add(v, "a condition has no value", `write a value, "" in quotes, or {exists: false}`)
		return nil
	}
	if len(v.text) > 1024 {
		p.add(v, "a condition's text is longer than 1024 bytes", "rules see 1024 bytes of a value: shorten it")
		return nil
	}
	if strings.ContainsRune(v.text, '*') {
		glob := v.text
		for strings.Contains(glob, "**") {
			glob = strings.ReplaceAll(glob, "**", "*")
		}
		if prefix, rest, _ := strings.Cut(glob, "*"); rest == "" {
			return []*Test{{Op: OpPrefix, Texts: []string{prefix}}}
		}
		return []*Test{{Op: OpGlob, Texts: []string{glob}}}
	}
	return []*Test{{Op: OpText, Texts: []string{v.text}}}
}

func (p *reader) inTest(v *node, not bool) *Test {
	items := p.items(v, "in", 256)
	if len(items) == 0 {
		if v.kind == listNode && len(v.values) == 0 {
			p.add(v, "the list is empty", "write [a, b]")
		}
		return nil
	}
	t := &Test{Op: OpNum, Not: not}
	for _, n := range items {
		if f, ok := plainNumber(n); ok {
			t.Nums = append(t.Nums, f)
		} else {
			t.Op = OpText
		}
	}
	if t.Op == OpNum {
		return t
	}
	t.Nums = nil
	for _, n := range items {
		s := p.text(n, "an item of in")
		switch {
		case strings.ContainsRune(s, '*'):
			p.add(n, fmt.Sprintf("%q has a star: in compares whole values", s), "use matches, or one rule per pattern")
		case len(s) > 1024:
			p.add(n, "an item is longer than 1024 bytes", "shorten it")
		}
		if !slices.Contains(t.Texts, s) {
			t.Texts = append(t.Texts, s)
		}
	}
	return t
}

func (p *reader) between(v *node) *Test {
	if v.kind != listNode || len(v.values) != 2 {
		p.add(v, "between wants two numbers", "write between: [50, 500]")
		return nil
	}
	t := &Test{Op: OpRange, Lo: p.number(v.values[0], "between"), Hi: p.number(v.values[1], "between")}
	if t.Lo > t.Hi {
		p.add(v, fmt.Sprintf("between %v and %v holds nothing", t.Lo, t.Hi), "write the smaller number first")
	}
	return t
}

func (p *reader) matches(v *node, not bool) *Test {
	s := p.text(v, "matches")
	if v.kind != scalarNode {
		return nil
	}
	re, err := regexp.Compile(s)
	if err != nil || len(s) > 1024 {
		what := "it is longer than 1024 bytes"
		if err != nil {
			what = strings.TrimPrefix(err.Error(), "error parsing regexp: ")
		}
		p.add(v, "matches is not a regular expression: "+what, "RE2 syntax; in double quotes write \\\\b for \\b")
		return nil
	}
	return &Test{Op: OpMatch, Regex: re, Not: not}
}
