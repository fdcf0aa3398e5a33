package journey

import (
	"fmt"
	"slices"
	"strings"

	"ripen/tracker"
)

// Pick chooses a message from the content library by what the lead cares about:
// of what is in the journey's language, serves its purpose and is of the stage,
// the content about the topic that the lead cares about most now. Of several about
// one topic it is the one that meets more of the lead's interests, then the first
// by name. The same library and the same lead give the same content.
type Pick struct {
	Stage     string // of the content; empty = any
	Again     bool   // what the lead has had may come again
	Otherwise string // the template where nothing fits; nothing = no message
}

// The words of a pick.
const (
	byInterest = "by_interest"
	nothing    = "nothing"
)

// Library is what messages may be chosen from.
type Library struct {
	Contents []tracker.MailTemplate // in force, by name
	Topics   []string               // of the tenant's topic map
}

// fits says that a content is one of those that a step chooses from.
func (j *Journey) fits(p *Pick, c *tracker.MailTemplate) bool {
	purpose := tracker.MailMarketing
	if j.Service {
		purpose = tracker.MailTransactional
	}
	return c.Purpose == purpose && c.Language == j.Language && (p.Stage == "" || p.Stage == c.Stage)
}

// keys are what a message that is chosen by interest may say.
func (p *Pick) keys(r *reader, s *Step) fields {
	return fields{
		"content":   func(v *node) { r.oneOf(v, "content", byInterest); s.Pick = p },
		"stage":     func(v *node) { p.Stage = r.word(v, "stage") },
		"not_again": func(v *node) { p.Again = r.oneOf(v, "not_again", "true", "false") == "false" },
		"otherwise": func(v *node) { p.Otherwise = r.word(v, "otherwise") },
	}
}

// check refuses a pick that is half said, and its words without it.
func (p *Pick) check(r *reader, s *Step, n *node) {
	switch {
	case s.Pick == nil && *p != (Pick{}):
		r.add(n, "stage, not_again and otherwise belong to content: by_interest", "write content: by_interest, or remove them")
	case s.Pick != nil && p.Otherwise == "":
		r.add(n, "content has no otherwise", "write otherwise: TEMPLATE for whom nothing fits, or otherwise: nothing")
	}
}

// checkContent says what the library lacks of what steps choose from, and the topic map
// of what ways ask about.
func (j *Journey) checkContent(lib *Library) (missing []tracker.Check) {
	lack := func(what, fix tracker.Words) {
		missing = append(missing, tracker.Check{Step: tracker.CheckActions, Name: what, Fix: fix})
	}
	topics := tracker.Words{EN: "ripen topics set FILE"}
	for _, s := range j.Steps {
		if s.Pick == nil {
			continue
		}
		if len(lib.Topics) == 0 {
			lack(tracker.Words{
				EN: fmt.Sprintf("step %s chooses by interest, and the tenant has no topic map", s.ID),
				ES: fmt.Sprintf("el paso %s elige por interés, y la cuenta no tiene mapa de temas", s.ID),
			}, topics)
			continue
		}
		ok := slices.ContainsFunc(lib.Contents, func(c tracker.MailTemplate) bool {
			return j.fits(s.Pick, &c) && slices.ContainsFunc(c.Topics, func(t string) bool { return slices.Contains(lib.Topics, t) })
		})
		if !ok {
			mail := j.Language + stageText(s.Pick.Stage)
			all := strings.Join(lib.Topics, ", ")
			lack(tracker.Words{
				EN: fmt.Sprintf("step %s chooses by interest, and the library has no content for it", s.ID),
				ES: fmt.Sprintf("el paso %s elige por interés, y la biblioteca no tiene contenido para él", s.ID),
			}, tracker.Words{
				EN: fmt.Sprintf("publish a mail with language: %s and topics: [one of %s] (ripen mail template publish FILE)", mail, all),
				ES: fmt.Sprintf("publica un correo con language: %s y topics: [uno de %s] (ripen mail template publish FILE)", mail, all),
			})
		}
	}
	j.needed(func(step, topic string) {
		if !slices.Contains(lib.Topics, topic) {
			lack(tracker.Words{
				EN: fmt.Sprintf("step %s asks about the topic %s, which the tenant's topic map has not", step, topic),
				ES: fmt.Sprintf("el paso %s pregunta por el tema %s, que no está en el mapa de temas", step, topic),
			}, topics)
		}
	})
	return missing
}

func stageText(stage string) string {
	if stage == "" {
		return ""
	}
	return ", stage: " + stage
}

// chosen is what a message says to one lead.
type chosen struct {
	template string // empty = nothing
	variant  string // of a test
	why      string // by interest: what spoke for it; else why there is nothing
	offer    *tracker.Offer
}

// Why the library has nothing for somebody.
const (
	noTopic   = "no topic is known"
	allSent   = "all that fits was sent before"
	noContent = "nothing is about what the lead cares about"
)

// pick chooses from the library.
func (w *walker) pick(p *Pick) (chosen, error) {
	lib, err := w.library()
	if err != nil {
		return chosen{}, err
	}
	if w.q.Lead.TopTopic() == "" {
		return w.otherwise(p, noTopic)
	}
	had := false
	for _, a := range w.q.Lead.Interests.Topics {
		best, most := "", 0.0
		for i := range lib.Contents {
			c := &lib.Contents[i]
			if !w.j.fits(p, c) || !slices.Contains(c.Topics, a.Topic) {
				continue
			}
			before, err := w.hadBefore(p, c.Name)
			if err != nil {
				return chosen{}, err
			}
			if warm := warmth(w.q.Lead.Interests, c.Topics); before {
				had = true
			} else if best == "" || warm > most {
				best, most = c.Name, warm
			}
		}
		if best != "" {
			return chosen{template: best, why: "cares about " + a.Topic}, nil
		}
	}
	if had {
		return w.otherwise(p, allSent)
	}
	return w.otherwise(p, noContent)
}

// otherwise is what a lead gets for whom the library has nothing.
func (w *walker) otherwise(p *Pick, why string) (chosen, error) {
	if p.Otherwise == nothing {
		return chosen{why: why}, nil
	}
	before, err := w.hadBefore(p, p.Otherwise)
	if before {
		return chosen{why: why + ", and " + p.Otherwise + " too"}, err
	}
	return chosen{template: p.Otherwise, why: why}, err
}

func (w *walker) hadBefore(p *Pick, template string) (bool, error) {
	if p.Again {
		return false, nil
	}
	return w.had(template)
}

// warmth is how much a lead cares about all that a content is about.
func warmth(of *tracker.Interests, topics []string) (sum float64) {
	for _, a := range of.Topics {
		if slices.Contains(topics, a.Topic) {
			sum += a.Value
		}
	}
	return sum
}

// say says it in words.
func (p *Pick) say(w *teller) string {
	out := w.say("what the content library has about what the lead cares about most", "lo que la biblioteca tenga sobre lo que más interesa al lead")
	if p.Stage != "" {
		out += w.say(", of the stage ", ", de la etapa ") + p.Stage
	}
	if !p.Again {
		out += w.say(", never the same twice", ", nunca lo mismo dos veces")
	}
	if p.Otherwise == nothing {
		return out + w.say("; nothing where nothing fits", "; nada si nada encaja")
	}
	return out + w.say("; where nothing fits, ", "; si nada encaja, ") + p.Otherwise
}
