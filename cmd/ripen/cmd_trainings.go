package main

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"

	"ripen/tracker"
	"ripen/tracker/train"
)

// trainingRow is a training as the API shows one.
type trainingRow struct {
	tracker.Training
	Begun  string `json:"begun"`
	Moment string `json:"moment,omitempty"`
	Shadow string `json:"shadow,omitempty"`
	Until  string `json:"until,omitempty"`
	Ended  string `json:"ended,omitempty"`

	YAML   string        `json:"yaml,omitempty"`
	Report *train.Report `json:"report,omitempty"`
}

func runTrainList(ctx context.Context, c *call) error {
	return c.withServer(ctx, func(cl *client) error {
		var page struct {
			Trainings []trainingRow `json:"trainings"`
			Next      uint64        `json:"next,omitempty"`
		}
		q := url.Values{"limit": {c.get("limit")}}
		if name := c.get("scorecard"); name != "" {
			q.Set("scorecard", name)
		}
		if err := cl.do(ctx, "GET", "/v1/trainings", q, nil, &page); err != nil {
			return err
		}
		if c.bool("json") {
			return c.printJSON(page)
		}
		rows := make([][]string, 0, len(page.Trainings))
		for i := range page.Trainings {
			t := &page.Trainings[i]
			figure := func(v float64, form string) string {
				if t.Rows == 0 {
					return "–"
				}
				return fmt.Sprintf(form, v)
			}
			rows = append(rows, []string{
				strconv.FormatUint(t.ID, 10), clockText(t.Begun), cmp.Or(t.Version, t.Card), trainedFor(t).in(c.lang),
				strconv.Itoa(t.Rows), strconv.Itoa(t.Conversions), figure(t.AUC, "%.3f"), figure(t.AUCTime, "%.3f"),
				figure(t.Lift, "%.2f×"), figure(t.Brier, "%.4f"), outcomeOf(t).in(c.lang),
			})
		}
		c.table([]string{
			"ID", "BEGUN", "CARD", "WHY", ">ROWS", ">CONVERTED",
			">AUC", ">LATER", ">BEST TENTH", ">BRIER", "OUTCOME",
		}, rows)
		return nil
	})
}

// trainedFor says why a card was learned.
func trainedFor(t *trainingRow) text {
	switch t.Cause {
	case tracker.TrainedByTime:
		return text{"its time had come", "le tocaba"}
	case tracker.TrainedByNew:
		return text{fmt.Sprintf("%d new conversions beside %d", t.New, t.Of), fmt.Sprintf("%d conversiones nuevas frente a %d", t.New, t.Of)}
	}
	return text{"by hand", "a mano"}
}

// outcomes are the states, for people.
var outcomes = map[string]text{
	tracker.TrainingRuns:       {"learning", "aprendiendo"},
	tracker.TrainingWaits:      {"waits to run as a shadow", "espera para correr en la sombra"},
	tracker.TrainingShadows:    {"runs as a shadow", "corre en la sombra"},
	tracker.TrainingPublishes:  {"is being published", "se está publicando"},
	tracker.TrainingPublished:  {"published", "publicada"},
	tracker.TrainingAsks:       {"better: waits for you to publish it", "mejor: espera a que la publiques"},
	tracker.TrainingKept:       {"not better: the card in force stays", "no es mejor: sigue la que está en vigor"},
	tracker.TrainingWithdrawn:  {"withdrawn", "retirada"},
	tracker.TrainingSuperseded: {"superseded by the next one", "sustituida por la siguiente"},
	tracker.TrainingDrafted:    {"the draft", "el borrador"},
}

// guards are what stops a challenger, for people.
var guards = map[string]text{
	tracker.GuardTooFew:  {"too few data", "muy pocos datos"},
	tracker.GuardLeakage: {"an attribute looks written after the outcome", "un atributo parece escrito después del resultado"},
	tracker.GuardDrift:   {"the people have changed", "la gente ha cambiado"},
	tracker.GuardDraft:   {"a draft of yours is in the way", "un borrador tuyo lo impide"},
	tracker.GuardInvalid: {"the card is no good one", "la tarjeta no es válida"},
	tracker.GuardMoves:   {"too many leads would change band", "demasiados leads cambiarían de banda"},
	tracker.GuardFails:   {"it cannot score some leads", "no puede puntuar a algunos leads"},
	tracker.GuardBroken:  {"learning did not come to its end", "el aprendizaje no llegó a terminar"},
}

func outcomeOf(t *trainingRow) text {
	out := outcomes[t.State]
	if t.State == tracker.TrainingStopped {
		g := guards[t.Guard]
		out = text{fmt.Sprintf("stopped (%s): %s", t.Guard, g.en), fmt.Sprintf("parada (%s): %s", t.Guard, g.es)}
	}
	if t.Blind && (t.State == tracker.TrainingPublished || t.State == tracker.TrainingAsks) {
		out = text{out.en + ", no better than chance", out.es + ", no mejora al azar"}
	}
	if t.State == tracker.TrainingShadows && t.Until != "" {
		out = text{out.en + " until " + clockText(t.Until), out.es + " hasta " + clockText(t.Until)}
	}
	return out
}

func runTrainShow(ctx context.Context, c *call) error {
	if err := c.mayWrite(c.get("out"), c.get("html")); err != nil {
		return err
	}
	return c.withServer(ctx, func(cl *client) error {
		var t trainingRow
		if err := cl.do(ctx, "GET", "/v1/trainings/"+url.PathEscape(c.args[0]), nil, nil, &t); err != nil {
			return err
		}
		if (c.get("out") != "" || c.get("html") != "") && t.Report == nil {
			return fmt.Errorf("training %d made nothing, or what it made is forgotten: the latest 50 are kept", t.ID)
		}
		if file := c.get("out"); file != "" {
			if err := os.WriteFile(file, []byte(t.YAML), 0o644); err != nil {
				return err
			}
		}
		if c.get("html") != "" {
			if err := c.writePage(t.Report); err != nil {
				return err
			}
		}
		if c.bool("json") {
			return c.printJSON(t)
		}
		c.printTraining(&t)
		if t.Report == nil {
			return nil
		}
		fmt.Fprintln(c.out)
		return t.Report.Text(c.out, c.lang)
	})
}

// printTraining says what became of a training.
func (c *call) printTraining(t *trainingRow) {
	line := func(en, es string, args ...any) {
		fmt.Fprintln(c.out, plain(fmt.Sprintf(text{en, es}.in(c.lang), args...)))
	}
	line("training %d of %s, begun %s: %s", "aprendizaje %d de %s, empezado %s: %s", t.ID, t.Card, clockText(t.Begun), trainedFor(t).in(c.lang))
	if t.Moment != "" {
		line("  what was known up to %s (--as-of %s learns the same)", "  lo que se sabía hasta %s (--as-of %s aprende lo mismo)", clockText(t.Moment), t.Moment)
	}
	line("outcome: %s", "resultado: %s", outcomeOf(t).in(c.lang))
	if t.Why != "" {
		line("  %s", "  %s", t.Why)
	}
	if t.Champion != "" {
		line("  best tenth %.2f×, of %s %.2f×; Brier %.4f, of %s %.4f (both must be better)", "  mejor décimo %.2f×, el de %s %.2f×; Brier %.4f, el de %s %.4f (ambos deben mejorar)",
			t.Lift, t.Champion, t.OldLift, t.Brier, t.Champion, t.OldBrier)
	}
	if t.Blind {
		line("  CAREFUL: that best tenth is no better than a tenth drawn at random", "  CUIDADO: ese mejor décimo no mejora a un décimo elegido al azar")
	}
	if t.MovesMost > 0 && t.Version != "" {
		line("  %.1f %% of the leads would change band (at most %.0f %%)", "  cambiaría de banda el %.1f %% de los leads (como mucho el %.0f %%)", 100*t.Moves, 100*t.MovesMost)
	}
	if len(t.Drifted) > 0 {
		line("  drift: %s (up to %.2f; from 0.25 on something has changed)", "  deriva: %s (hasta %.2f; desde 0.25 algo ha cambiado)", strings.Join(t.Drifted, ", "), t.Drift)
	}
	switch t.State {
	case tracker.TrainingAsks:
		line("next: ripen scorecard publish %s", "ahora: ripen scorecard publish %s", t.Card)
	case tracker.TrainingPublished:
		line("back with: ripen scorecard rollback %s", "se vuelve atrás con: ripen scorecard rollback %s", t.Card)
	}
}
