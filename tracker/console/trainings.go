package console

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"ripen/tracker"
)

// trainingsPath is the list of what was learned; a report stands under it by number.
const trainingsPath = "/console/trainings"

// trainingsShown is how many the page shows: as many as have a report.
const trainingsShown = 50

// reportPolicy lets a report keep the styles that it carries, as a file does, and nothing
// else.
const reportPolicy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// trainings answers the list, or the report of the training that is named.
func (h *Handler) trainings(ctx *fasthttp.RequestCtx, c tracker.Caller, id string) {
	all, tenant, err := h.tenant(ctx, c)
	if err != nil {
		fail(ctx, err)
		return
	}
	if id != "" {
		h.report(ctx, c, tenant, id)
		return
	}
	list, err := h.c.Source.Trainings(c, tenant.ID, trainingsShown)
	if err != nil {
		fail(ctx, err)
		return
	}
	rows := make([]trainingRow, 0, len(list))
	for i := range list {
		r := rowOf(&list[i], words[language(ctx)])
		if r.Report != "" && len(all) > 1 {
			r.Report += "?tenant=" + tenant.ID.String()
		}
		rows = append(rows, r)
	}
	h.page(ctx, h.learned, map[string]any{"Rows": rows, "Tenants": all, "Tenant": tenant, "Many": len(all) > 1})
}

func (h *Handler) report(ctx *fasthttp.RequestCtx, c tracker.Caller, t Tenant, id string) {
	n, err := strconv.ParseUint(id, 10, 63)
	if err != nil {
		problem(ctx, fasthttp.StatusNotFound, "not_found", "a training is named by its number")
		return
	}
	page, err := h.c.Source.TrainingReport(c, t.ID, n, language(ctx))
	if err != nil {
		fail(ctx, err)
		return
	}
	ctx.Response.Header.Set("Content-Security-Policy", reportPolicy)
	ctx.Response.Header.Set("Vary", "Accept-Language, Cookie")
	ctx.SetContentType("text/html; charset=utf-8")
	ctx.SetBody(page)
}

// trainingRow is a line of the list.
type trainingRow struct {
	Begun, Card, State, Outcome, Why, Beside, Cause string
	Rows, Won, AUC, Lift                            string
	Report                                          string // where it is; empty = it made none
}

func rowOf(t *tracker.Training, w map[string]string) trainingRow {
	put := func(name string, pairs ...string) string { return strings.NewReplacer(pairs...).Replace(w[name]) }
	clock := func(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02 15:04") }
	r := trainingRow{
		Begun: clock(t.Begun), Card: cmp.Or(t.Version, t.Card), State: t.State, Outcome: w["ts_"+t.State], Why: cut(t.Why),
		Cause: w["tc_"+t.Cause], Rows: "–", Won: "–", AUC: "–", Lift: "–",
	}
	if t.Cause == tracker.TrainedByNew {
		r.Cause = put("tc_new", "{n}", strconv.FormatUint(t.New, 10))
	}
	if t.Guard != "" {
		r.Outcome += ": " + w["tg_"+t.Guard]
	}
	if t.State == tracker.TrainingShadows && t.Until > 0 {
		r.Outcome += " " + put("l_until", "{when}", clock(t.Until))
	}
	if t.Champion != "" {
		r.Beside = put("l_beside", "{lift}", times(t.Lift), "{card}", t.Champion, "{old}", times(t.OldLift))
		if t.Blind {
			r.Beside += " " + w["l_blind"]
		}
	}
	if t.Rows > 0 {
		r.Rows, r.Won, r.AUC, r.Lift = strconv.Itoa(t.Rows), strconv.Itoa(t.Conversions), fmt.Sprintf("%.3f", cmp.Or(t.AUCTime, t.AUC)), times(t.Lift)
		r.Report = trainingsPath + "/" + strconv.FormatUint(t.ID, 10)
	}
	return r
}

func times(v float64) string { return fmt.Sprintf("%.2f×", v) }
