package journey

import "slices"

// trial is what the effect of a journey is measured by: how a lead was drawn when it
// first entered, and when it first reached the goal since, whatever became of its entries.
type trial struct {
	First int64   `json:"f,omitempty"` // unix ms, the first entry; 0 = it entered before this was kept
	Of    int     `json:"o,omitempty"` // the version entered then
	Out   bool    `json:"u,omitempty"` // it was of the hold-out then
	Band  string  `json:"k,omitempty"` // that it was in then
	Goal  int64   `json:"g,omitempty"` // unix ms; 0 = not yet
	Mixed bool    `json:"i,omitempty"` // two leads became one, of whom one was held out
	Drawn []drawn `json:"c,omitempty"` // what chance chose at messages, the first time
}

// drawn is what chance chose at a message.
type drawn struct {
	Version int    `json:"v"`
	Step    string `json:"s"`
	Variant string `json:"w,omitempty"`
	Out     bool   `json:"u,omitempty"` // it was not sent, to compare with
	At      int64  `json:"t"`           // unix ms
}

// reach notes the goal, the first time that it is reached since the first entry.
func (t *trial) reach(at int64) {
	if t.First != 0 && t.Goal == 0 && at >= t.First {
		t.Goal = at
	}
}

// join takes over what is known of another lead that turned out to be the same.
func (t *trial) join(o *trial) {
	goal, mixed := t.Goal, t.Mixed || o.Mixed || t.First != 0 && o.First != 0 && t.Out != o.Out
	if o.Goal != 0 && (goal == 0 || o.Goal < goal) {
		goal = o.Goal
	}
	if o.First != 0 && (t.First == 0 || o.First < t.First) {
		*t = *o
	}
	t.Goal, t.Mixed = goal, mixed
}

// drawn says whether chance holds the message back, and keeps what it chose.
func (w *walker) drawn(s *Step, variant string) (held bool) {
	if s.Holdout == 0 && s.Tests == nil {
		return false
	}
	held = s.Holdout > 0 && draw(w.p.Born, w.j.Name, s.ID+" hold-out", 10_000) < s.Holdout
	if !slices.ContainsFunc(w.p.Drawn, func(d drawn) bool { return d.Step == s.ID && d.Version == w.p.Version }) {
		w.p.Drawn = append(w.p.Drawn, drawn{w.p.Version, s.ID, variant, held, w.now})
	}
	return held
}

// watchMost is how long after its first entry a lead's goal is looked for.
const watchMost = 400 * day

// watch looks for the goal of a lead whose journey has ended before it: those who are
// held out have all the time, so must the others have.
func (w *world) watch(h *happening, s *stand) error {
	j := w.f.version(s.name, s.Version)
	if j == nil || s.First == 0 || s.Goal != 0 || h.now > s.First+watchMost || w.simulated != nil {
		return nil
	}
	goal, err := h.pulls(j.Goal)
	if !goal || err != nil {
		return err
	}
	if s.reach(h.at()); s.Goal == 0 {
		return nil
	}
	return w.rows.save(s, 0)
}
