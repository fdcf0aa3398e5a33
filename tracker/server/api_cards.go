package server

import (
	"encoding/json"
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

func (w who) cardToJSON(row *tracker.Card) cardJSON {
	name := row.Name
	out := cardJSON{Name: name, Version: row.Current, Ranking: w.tenant.Ranking == name, Draft: row.Draft != nil, Versions: []int{}}
	for _, v := range row.Versions {
		out.Versions = append(out.Versions, v.Version)
	}
	if v := row.Version(row.Current); v != nil {
		out.Published = timeText(v.At)
	}
	return out
}

func (s *Server) apiCards(ctx *fasthttp.RequestCtx, w who, _ string) error {
	all, err := s.registry.Cards(w.tenant.ID)
	if err != nil {
		return err
	}
	out := make([]cardJSON, 0, len(all))
	for i := range all {
		out = append(out, w.cardToJSON(&all[i]))
	}
	writeJSON(ctx, fasthttp.StatusOK, map[string]any{"scorecards": out})
	return nil
}

// apiCard answers one card with the source of the version in force, or of the
// draft while there is none.
func (s *Server) apiCard(ctx *fasthttp.RequestCtx, w who, name string) error {
	all, err := s.registry.Cards(w.tenant.ID)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(c tracker.Card) bool { return c.Name == name })
	if i < 0 {
		return &tracker.Error{Kind: tracker.KindNotFound, Code: "unknown_scorecard", Detail: "the tenant has no card of this name"}
	}
	row := &all[i]
	out := w.cardToJSON(row)
	out.YAML = string(row.Draft)
	if v := row.Version(row.Current); v != nil {
		out.YAML = string(v.YAML)
	}
	writeJSON(ctx, fasthttp.StatusOK, out)
	return nil
}

func (s *Server) apiDraft(ctx *fasthttp.RequestCtx, w who, name string) error {
	row, err := s.registry.Draft(w.tenant.ID, name, ctx.PostBody())
	if err != nil {
		return err
	}
	writeJSON(ctx, fasthttp.StatusOK, w.cardToJSON(&row))
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
	a, err := s.registry.Publish(ctx, w.tenant.ID, name, body.Ranking)
	return answerActivation(ctx, a, err)
}

func (s *Server) apiRollback(ctx *fasthttp.RequestCtx, w who, name string) error {
	a, err := s.registry.Rollback(ctx, w.tenant.ID, name)
	return answerActivation(ctx, a, err)
}

func answerActivation(ctx *fasthttp.RequestCtx, a tracker.Activation, err error) error {
	if err != nil {
		return err
	}
	writeJSON(ctx, fasthttp.StatusOK, map[string]any{"name": a.Card, "version": a.Version, "ranking": a.Ranking, "scorecard": a.Name()})
	return nil
}
