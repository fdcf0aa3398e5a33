package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"ripen/tracker/journey"
)

func timelineCommand() *command {
	return &command{
		name: "leads timeline", args: "WHO", min: 1, max: 1, use: append([]string{"kinds", "limit", "scorecard"}, tenantSettings...), folds: true,
		summary: text{"all that happened to a lead and was done with it, in one list", "todo lo que le pasó a un lead y se hizo con él, en una lista"},
		help: `
What the person did, how the score moved and by which rules, the steps of journeys,
what was sent and what became of it, what the person made of it, and what sales
says: one list in the order of time, the latest first. --kinds shows some of
event, answer, score, journey, touch, handoff.

  ripen leads timeline ana@acme.example --data ./data
  ripen leads timeline ana@acme.example --kinds journey,touch,handoff --limit 100 --data ./data

The API has it as pages of JSON, or whole as NDJSON and CSV: GET /v1/leads/WHO/timeline.`,
		run: runTimeline,
	}
}

// momentRow is a moment as the API shows one, as far as the table needs it.
type momentRow struct {
	Time    string `json:"time"`
	Kind    string `json:"kind"`
	What    string `json:"what"`
	Detail  string `json:"detail"`
	Journey string `json:"journey"`
	Step    string `json:"step"`
	Event   struct {
		Machine string `json:"machine"`
	} `json:"event"`
	Change *struct {
		Old       *int   `json:"old_score"`
		New       *int   `json:"new_score"`
		OldBand   string `json:"old_band"`
		NewBand   string `json:"new_band"`
		Scorecard string `json:"scorecard"`
		Cause     string `json:"cause"`
	} `json:"change"`
	CausedBy string `json:"caused_by"`
	Delivery *struct {
		Why      string `json:"why"`
		Attempts int    `json:"attempts"`
		Unknown  int    `json:"unknown"`
	} `json:"delivery"`
	Handoff *struct {
		Queue string `json:"queue"`
	} `json:"handoff"`
}

func runTimeline(ctx context.Context, c *call) error {
	return c.withServer(ctx, func(cl *client) error {
		q := url.Values{}
		for _, name := range []string{"kinds", "scorecard"} {
			if v := c.get(name); v != "" {
				q.Set(name, v)
			}
		}
		all := []json.RawMessage{}
		for left := c.int("limit"); left > 0; {
			q.Set("limit", strconv.FormatInt(min(left, 1000), 10))
			var page struct {
				Moments []json.RawMessage `json:"moments"`
				Next    string            `json:"next"`
			}
			if err := cl.do(ctx, "GET", "/v1/leads/"+url.PathEscape(c.args[0])+"/timeline", q, nil, &page); err != nil {
				return err
			}
			all = append(all, page.Moments...)
			if left -= int64(len(page.Moments)); page.Next == "" {
				break
			}
			q.Set("after", page.Next)
		}
		if c.bool("json") {
			return c.printJSON(all)
		}
		rows := make([][]string, 0, len(all))
		for _, raw := range all {
			var m momentRow
			if err := json.Unmarshal(raw, &m); err != nil {
				return fmt.Errorf("decode a moment: %w", err)
			}
			rows = append(rows, []string{clockText(m.Time), momentKinds[m.Kind].in(c.lang), m.says(c.lang), m.by()})
		}
		c.table([]string{"TIME", "KIND", "WHAT", "BY"}, rows)
		return nil
	})
}

var momentKinds = map[string]text{
	"event": {"did", "hizo"}, "answer": {"answered", "respondió"}, "score": {"score", "puntos"},
	"journey": {"journey", "recorrido"}, "touch": {"sent", "envío"}, "handoff": {"sales", "ventas"},
}

// momentWords are what happened, by kind and word. What is not here, such as the
// types of events, is shown as it is.
var momentWords = map[string]text{
	"score rose": {"up", "sube"}, "score fell": {"down", "baja"}, "score moved": {"moved", "se mueve"}, "score begun": {"first score", "primera puntuación"},
	"score ended": {"not scored any more", "ya no se puntúa"}, "score merged": {"another lead now", "ahora es otro lead"},
	"score withdrawn":  {"taken back: it was a machine", "retirado: era una máquina"},
	"journey entered":  {"entered", "entra"},
	"journey waits":    {"waits", "espera"},
	"journey goes on":  {"goes on", "sigue"},
	"journey takes":    {"takes the way", "toma el camino"},
	"journey put off":  {"put off until", "aplazado hasta"},
	"journey not sent": {"not sent", "no se envía"},
	"journey set":      {"sets", "anota"},
	"journey ended":    {"ended", "termina"},
	"journey handoff":  {"is with sales already", "ya está en ventas"},

	"journey entered the segment": {"entered the segment", "entra en el segmento"},
	"journey left the segment":    {"left the segment", "sale del segmento"},

	"touch delivered": {"delivered", "entregado"}, "touch pending": {"waits to leave", "espera para salir"}, "touch parked": {"parked", "aparcado"},
	"touch withdrawn": {"withdrawn", "retirado"}, "touch unknown": {"outcome unknown", "resultado desconocido"}, "touch refused": {"refused, tried again", "rechazado, se reintenta"},
	"touch unreachable": {"not reached, tried again", "no se llega, se reintenta"}, "touch put off": {"its turn comes", "espera su turno"},
	"touch under way": {"under way", "saliendo"}, "touch forgotten": {"made long ago", "hecho hace tiempo"},
	"touch sent": {"sent", "enviado"}, "touch bounce": {"came back", "devuelto"}, "touch shown": {"shown on the site", "mostrado en el sitio"},

	"handoff offered": {"offered to", "ofrecido a"}, "handoff accepted": {"accepted", "aceptado"}, "handoff rejected": {"sent back:", "devuelto:"},
	"handoff won": {"won", "ganado"}, "handoff lost": {"lost", "perdido"},

	"answer email_open": {"opened the mail", "abre el correo"}, "answer email_click": {"clicked in the mail", "pulsa en el correo"},
	"answer email_reply": {"replied", "contesta"}, "answer unsubscribe": {"unsubscribed", "se da de baja"}, "answer email_complaint": {"called it spam", "lo marca como spam"},
	"answer survey_answered": {"answered the survey", "contesta la encuesta"}, "answer survey_opened": {"began the survey", "empieza la encuesta"},
	"answer letter_answered": {"followed the letter's code", "sigue el código de la carta"}, "answer sms_replied": {"answered the SMS", "responde al SMS"}, "answer chat_opened": {"opened the chat", "abre el chat"},
	"answer chat_answered": {"chose in the chat", "elige en el chat"}, "answer chat_message": {"wrote in the chat", "escribe en el chat"},
	"answer chat_handoff": {"wants to talk to somebody", "quiere hablar con alguien"},
}

// momentWord says what happened.
func momentWord(kind, what, lang string) string {
	if t, ok := momentWords[kind+" "+what]; ok {
		return t.in(lang)
	}
	return what
}

// says is a moment on one line.
func (m *momentRow) says(lang string) string {
	parts := []string{momentWord(m.Kind, m.What, lang)}
	if ch := m.Change; ch != nil {
		parts = append(parts, pointsText(ch.Old)+" → "+pointsText(ch.New))
		if ch.NewBand != ch.OldBand {
			parts = append(parts, "("+cmp.Or(ch.OldBand, "–")+" → "+cmp.Or(ch.NewBand, "–")+")")
		}
	}
	if m.Detail != "" {
		detail := m.Detail
		if m.Kind == "journey" {
			detail = journey.Reason(lang, detail)
		}
		parts = append(parts, clockText(detail)) // of waits it is a time
	}
	if h := m.Handoff; h != nil && h.Queue != "" {
		parts = append(parts, "("+h.Queue+")")
	}
	if d := m.Delivery; d != nil {
		if d.Why != "" {
			parts = append(parts, "– "+d.Why)
		}
		if d.Unknown > 0 {
			parts = append(parts, fmt.Sprintf(text{"(%d of %d attempts unknown)", "(%d de %d intentos sin saber)"}.in(lang), d.Unknown, d.Attempts))
		}
	}
	switch m.Event.Machine {
	case "bot", "prefetch", "proxy":
		parts = append(parts, "("+m.Event.Machine+")")
	}
	return plain(strings.Join(parts, " "))
}

// by is who or what made it.
func (m *momentRow) by() string {
	switch {
	case m.Change != nil:
		return plain(m.Change.Scorecard + " · " + cmp.Or(m.CausedBy, m.Change.Cause))
	case m.Journey != "":
		return plain(strings.TrimSuffix(m.Journey+" · "+m.Step, " · "))
	}
	return ""
}

func pointsText(p *int) string {
	if p == nil {
		return "–"
	}
	return strconv.Itoa(*p)
}
