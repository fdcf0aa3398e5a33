package export

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/valyala/fasthttp"

	"ripen/tracker"
	"ripen/wasm/template"
)

// templateJSON is a card to start from as the API shows one.
type templateJSON struct {
	Name  string          `json:"name"`
	About string          `json:"about"`
	YAML  string          `json:"yaml,omitempty"`
	Cases json.RawMessage `json:"cases,omitempty"`
}

// lang is the language that templates are asked for in.
func (c *call) lang() string {
	lang := c.text("lang")
	if lang == "" {
		return template.Languages[0]
	}
	if !slices.Contains(template.Languages[:], lang) {
		c.bad("lang", "need "+strings.Join(template.Languages[:], " or "))
	}
	return lang
}

func (c *call) templates() error {
	lang := c.lang()
	if c.err != nil {
		return c.err
	}
	var out []templateJSON
	for _, t := range template.Templates() {
		out = append(out, templateJSON{Name: t.Name, About: t.About(lang)})
	}
	JSON(c.ctx, fasthttp.StatusOK, map[string]any{"templates": out})
	return nil
}

// template answers a card to start from with the cases it is held to; PUT it as a
// draft to go on.
func (c *call) template() error {
	lang := c.lang()
	if c.err != nil {
		return c.err
	}
	t, err := template.Find(c.name)
	if err != nil {
		return &tracker.Error{Kind: tracker.KindNotFound, Code: "unknown_template", Detail: err.Error()}
	}
	JSON(c.ctx, fasthttp.StatusOK, templateJSON{t.Name, t.About(lang), string(t.Card(lang)), t.Cases(lang)})
	return nil
}
