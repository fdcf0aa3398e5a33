package journey

import (
	"fmt"
	"time"

	"ripen/tracker"
)

// SendTime puts a message off to the hour of the day and week at which the person
// reads, which their own opens and clicks say. Of equal hours it is the first. Quiet
// hours and caps hold all the same.
type SendTime struct {
	Within int64 // at most so much later, ms
	Usual  int   // the hour of the day that stands for it where little is known
}

const bestHour = "best_hour"

// What a send: best_hour means that says no more.
const (
	sendWithin = day
	sendUsual  = 10
	sendMost   = 7 * day
)

// send reads when a message is to leave.
func (r *reader) send(s *Step, n *node) {
	s.Send = &SendTime{sendWithin, sendUsual}
	if !n.IsMap {
		r.oneOf(n, "send", bestHour)
		return
	}
	r.fields(n, "send", fields{
		bestHour: func(v *node) { s.Send.Within = r.span(v, bestHour) },
		"usual": func(v *node) {
			m := r.clock(v, "usual")
			if s.Send.Usual = m / 60; m%60 != 0 {
				r.add(v, "usual is "+v.Text, `write a full hour, as in "10:00"`)
			}
		},
	}, bestHour)
	if s.Send.Within < day/24 || s.Send.Within > sendMost {
		r.add(n, "best_hour is how much later it may be at most", "write 1h to 7d, as in best_hour: 24h")
	}
}

// bestTime is the moment from one on that suits the person best, and why.
func (w *walker) bestTime(t *SendTime, from int64) (best int64, why string) {
	zone := w.q.zone(w.j.Zone)
	h := tracker.NewHabit(w.q.Lead.Readings, zone, t.Usual)
	best = from
	at := time.UnixMilli(from).In(zone)
	for n := 1; ; n++ {
		due := time.Date(at.Year(), at.Month(), at.Day(), at.Hour()+n, 0, 0, 0, zone).UnixMilli()
		if w.j.Quiet != nil {
			due = w.j.Quiet.end(due, zone)
		}
		if due > from+t.Within {
			break
		}
		if h.Weight(due) > h.Weight(best) {
			best = due
		}
	}
	if hour, near, known := h.Best(); known {
		return best, fmt.Sprintf("they read about %02d:00, %d of %d times", hour, near, h.Of)
	}
	return best, fmt.Sprintf("the usual hour: they are known to have read %d times", h.Of)
}

// say says it in words.
func (t *SendTime) say(w *teller) string {
	return fmt.Sprintf(w.say("; at the hour at which the lead reads, at most %s later (%02d:00 where little is known)",
		"; a la hora a la que el lead suele leer, como mucho %s después (a las %02d:00 si se sabe poco)"), w.span(t.Within), t.Usual)
}
