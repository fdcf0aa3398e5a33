package server

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/valyala/fasthttp"

	"ripen/tracker"
)

// cardJSON is a scorecard as the API shows one.
type cardJSON struct {
	Name      string `json:"name"`
	Version   int    `json:"version"` // in force; 0 = none yet
	Ranking   bool   `json:"ranking"`
	Draft     bool   `json:"draft"`
	Published string `json:"published,omitempty"`
	Versions  []int  `json:"versions"`
	YAML      string `json:"yaml,omitempty"`
}

func (w who) cardToJSON(name string, row *cardRow) cardJSON {
	out := cardJSON{Name: name, Version: row.Current, Ranking: w.tenant.Ranking == name, Draft: row.Draft != nil, Versions: []int{}}
	for _, v := range row.Versions {
		out.Versions = append(out.Versions, v.Version)
	}
	if v := row.version(row.Current); v != nil {
		out.Published = timeText(v.At)
	}
	return out
}

func (s *Server) apiCards(ctx *fasthttp.RequestCtx, w who, _ string) error {
	all, err := s.registry.cards(w.tenant.ID)
	if err != nil {
		return err
	}
	out := make([]cardJSON, 0, len(all))
	for _, name := range slices.Sorted(maps.Keys(all)) {
		out = append(out, w.cardToJSON(name, all[name]))
	}
	writeJSON(ctx, fasthttp.StatusOK, map[string]any{"scorecards": out})
	return nil
}

// apiCard answers one card with the source of the version in force, or of the
// draft while there is none.
func (s *Server) apiCard(ctx *fasthttp.RequestCtx, w who, name string) error {
	all, err := s.registry.cards(w.tenant.ID)
	if err != nil {
		return err
	}
	row := all[name]
	if row == nil {
		return &tracker.Error{Kind: tracker.KindNotFound, Code: "unknown_scorecard", Detail: "the tenant has no card of this name"}
	}
	out := w.cardToJSON(name, row)
	out.YAML = string(row.Draft)
	if v := row.version(row.Current); v != nil {
		out.YAML = string(v.YAML)
	}
	writeJSON(ctx, fasthttp.StatusOK, out)
	return nil
}

func (s *Server) apiDraft(ctx *fasthttp.RequestCtx, w who, name string) error {
	row, err := s.registry.draft(w.tenant.ID, name, ctx.PostBody())
	if err != nil {
		return err
	}
	writeJSON(ctx, fasthttp.StatusOK, w.cardToJSON(name, row))
	return nil
}

func (s *Server) apiPublish(ctx *fasthttp.RequestCtx, w who, name string) error {
	var body struct {
		Ranking bool `json:"ranking"`
	}
	if b := ctx.PostBody(); len(b) > 0 {
		if err := json.Unmarshal(b, &body); err != nil {
			return invalid("body", "need JSON like {\"ranking\":true}, or nothing")
		}
	}
	a, err := s.registry.publish(ctx, w.tenant.ID, name, body.Ranking)
	return answerActivation(ctx, a, err)
}

func (s *Server) apiRollback(ctx *fasthttp.RequestCtx, w who, name string) error {
	a, err := s.registry.rollback(ctx, w.tenant.ID, name)
	return answerActivation(ctx, a, err)
}

func answerActivation(ctx *fasthttp.RequestCtx, a tracker.Activation, err error) error {
	if err != nil {
		return err
	}
	writeJSON(ctx, fasthttp.StatusOK, map[string]any{"name": a.Card, "version": a.Version, "ranking": a.Ranking, "scorecard": a.Name()})
	return nil
}
