package main

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"ripen/tracker/train"
)

// logTrained is what the server answers.
type logTrained struct {
	Scorecard string        `json:"scorecard"`
	YAML      string        `json:"yaml"`
	Model     string        `json:"model"`
	ModelName string        `json:"model_name"`
	Report    *train.Report `json:"report"`
	Published bool          `json:"published"`
}

// trainFromLog lets the server learn from its own log.
func (c *call) trainFromLog(ctx context.Context) error {
	if err := c.noFile(append([]string{"time-column"}, fileSettings...)); err != nil {
		return err
	}
	q := url.Values{"lang": {c.lang}}
	for _, name := range []string{"seed", "by", "model"} { // else what the card's plan says
		if c.set(name) {
			q.Set(name, c.get(name))
		}
	}
	if t := c.time("as-of"); !t.IsZero() {
		q.Set("as_of", t.Format(time.RFC3339Nano))
	}
	if c.bool("publish-if-better") {
		q.Set("publish_if_better", "true")
	}
	if l := c.get("label"); l != "" {
		q.Set("label", l)
	}
	if err := c.askLists(q, "drop", "constrain"); err != nil {
		return err
	}
	return c.withServer(ctx, func(cl *client) error {
		var r logTrained
		err := c.worked(ctx, cl, text{"learning", "aprendiendo"}.in(c.lang), "/v1/scorecards/"+url.PathEscape(c.get("name"))+"/train", q, "it had learned", &r)
		if err != nil {
			return err
		}
		made := &train.Result{Card: []byte(r.YAML), Kind: c.get("model"), Report: r.Report}
		if r.Model != "" {
			made.Model = []byte(r.Model)
		}
		if err := c.writeTrained(made); err != nil || c.bool("json") {
			return err
		}
		name := c.get("name")
		if r.Published {
			_, err = fmt.Fprintf(c.out, text{"\n%s is in force; back with: ripen scorecard rollback %s\n", "\n%s está en vigor; se vuelve atrás con: ripen scorecard rollback %s\n"}.in(c.lang), r.Scorecard, name)
			return err
		}
		if r.Model != "" {
			_, err = fmt.Fprintf(c.out, text{
				"\n%s and %s are drafts; next: ripen scorecard publish %s, then ripen scorecard publish %s\n",
				"\n%s y %s son borradores; ahora: ripen scorecard publish %s, después ripen scorecard publish %s\n",
			}.in(c.lang), r.ModelName, name, r.ModelName, name)
			return err
		}
		_, err = fmt.Fprintf(c.out, text{
			"\n%s is the draft of %s; next: ripen scorecard simulate %s, ripen scorecard publish %s\n",
			"\n%s es el borrador de %s; ahora: ripen scorecard simulate %s, ripen scorecard publish %s\n",
		}.in(c.lang), r.Scorecard, name, name, name)
		return err
	})
}
