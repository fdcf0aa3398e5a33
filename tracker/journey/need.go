package journey

import (
	"fmt"
	"slices"
	"strconv"

	"ripen/tracker"
)

// Need is what a lead needs now, as far as what it did tells: it cares about a topic,
// or an offer of a kind stands for it, as something that it owns wears out or runs out.
// A nil need holds for everybody.
type Need struct {
	Topic string   // that it cares about
	From  float64  // with at least this affinity; 0 = it cares about nothing more
	Offer []string // kinds of offer, one of which stands
}

// need reads what a way asks for.
func (r *reader) need(n *node) *Need {
	d := &Need{}
	r.fields(n, "need", fields{
		"topic": func(v *node) { d.Topic = r.word(v, "topic") },
		"from":  func(v *node) { d.From = r.affinity(v) },
		"offer": func(v *node) { d.Offer = r.offer(v) },
	})
	switch {
	case !n.IsMap:
	case (d.Topic == "") == (d.Offer == nil):
		r.add(n, "need wants one of topic, offer", "write need: {topic: maintenance, from: 0.5}, or need: {offer: [renew, refill]}")
	case d.From != 0 && d.Topic == "":
		r.add(n, "from belongs to a topic", "remove it, or write need: {topic: maintenance, from: 0.5}")
	}
	return d
}

// affinity reads a number that an affinity reaches.
func (r *reader) affinity(n *node) float64 {
	f, err := strconv.ParseFloat(n.Text, 64)
	if err != nil || n.IsMap || n.IsList || !(f > 0 && f < 1e6) {
		r.add(n, "from is "+quoted(n.Text), "write an affinity above 0, as 'ripen leads show' tells them")
		return 0
	}
	return f
}

// holds says whether somebody needs it at a moment.
func (d *Need) holds(p *Person, now int64) (bool, error) {
	switch {
	case d == nil:
		return true, nil
	case d.Offer != nil:
		o, err := p.offer(d.Offer, now)
		return o != nil, err
	case d.From == 0:
		return p.Lead.TopTopic() == d.Topic, nil
	}
	return p.Lead.Interests != nil && slices.ContainsFunc(p.Lead.Interests.Topics, func(a tracker.Affinity) bool {
		return a.Topic == d.Topic && a.Value >= d.From
	}), nil
}

// say says it in words.
func (d *Need) say(w *teller) string {
	switch {
	case d.Offer != nil:
		return w.say("there is to offer: ", "hay que ofrecer: ") + w.kinds(d.Offer, w.say(" or ", " o "))
	case d.From == 0:
		return w.say("what the lead cares about most is ", "lo que más interesa al lead es ") + d.Topic
	}
	return fmt.Sprintf(w.say("the lead cares about %s (%g or more)", "al lead le interesa %s (%g o más)"), d.Topic, d.From)
}

// holds says whether a lead takes the way.
func (v *Way) holds(p *Person, now int64) (bool, error) {
	ok, _, err := v.When.Holds(p, now)
	if !ok || err != nil {
		return false, err
	}
	return v.Need.holds(p, now)
}

// say says who takes the way.
func (v *Way) say(w *teller) string {
	switch {
	case v.Need == nil:
		return v.When.Say(w.es)
	case v.When == nil:
		return v.Need.say(w)
	}
	return v.Need.say(w) + w.say(", and ", ", y además ") + v.When.Say(w.es)
}

// why is what a note says of the way that was taken.
func (v *Way) why() string {
	if v.Need == nil {
		return v.When.Source
	}
	return v.say(&teller{})
}

// needed are the topics that ways of the journey ask about, by step.
func (j *Journey) needed(visit func(step, topic string)) {
	for _, s := range j.Steps {
		for i := range s.Ways {
			if d := s.Ways[i].Need; d != nil && d.Topic != "" {
				visit(s.ID, d.Topic)
			}
		}
	}
}

// Offers says that the journey asks the tenant's offer table.
func (j *Journey) Offers() bool {
	return slices.ContainsFunc(j.Steps, func(s *Step) bool {
		return s.Offer != nil || slices.ContainsFunc(s.Ways, func(v Way) bool { return v.Need != nil && v.Need.Offer != nil })
	})
}
