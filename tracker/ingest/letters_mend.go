package ingest

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"

	"ripen/storage"
	"ripen/tracker"
)

// Get returns one letter with its text.
func (l *Letters) Get(id tracker.TenantID, name string) (tracker.DeadLetter, error) {
	le, err := l.open(id, name)
	if err != nil {
		return tracker.DeadLetter{}, err
	}
	d := le.dead()
	agent, text, ok := bytes.Cut(le.plain, []byte("\n"))
	if d.Erased = !ok; ok {
		d.Agent, d.Text = string(agent), text
	}
	return d, nil
}

// open reads one letter; its plain is empty if its subject was erased.
func (l *Letters) open(id tracker.TenantID, name string) (le *letter, err error) {
	l.Flush()
	key, err := hex.DecodeString(name)
	if err != nil || len(key) != 8 {
		return nil, errNoLetter
	}
	err = l.db.Meta().View(func(tx *storage.Tx) error {
		row, err := tx.Get(id, storage.SpaceDeadLetter, key)
		if err != nil {
			return err
		}
		if row == nil {
			return errNoLetter
		}
		le, err = readLetter(id, key, row)
		return err
	})
	if err != nil {
		return nil, err
	}
	le.plain, err = l.db.OpenFor(nil, le.Sealed, id, storage.Subject(le.Subject), le.number)
	if errors.Is(err, storage.ErrErased) {
		return le, nil
	}
	return le, err
}

// Fix puts another text into a letter's place: JSON may stand for a picture's query.
func (l *Letters) Fix(id tracker.TenantID, name string, text []byte) error {
	le, err := l.open(id, name)
	if err != nil {
		return err
	}
	if len(text) == 0 || len(text) > letterText {
		return &tracker.Error{Kind: tracker.KindInvalid, Code: "bad_body", Detail: "body: need the event's text, at most 64 KiB"}
	}
	agent, _, _ := bytes.Cut(le.plain, []byte("\n"))
	le.plain = append(append(append([]byte(nil), agent...), '\n'), text...)
	le.Query = le.Query && !looksJSON(trim(text))
	return l.write([]letter{*le})
}

// Remove takes a letter away.
func (l *Letters) Remove(id tracker.TenantID, name string) error {
	key, err := hex.DecodeString(name)
	if err != nil {
		return errNoLetter
	}
	return l.db.Meta().Update(func(tx *storage.Tx) error { return tx.Delete(id, storage.SpaceDeadLetter, key) })
}

// protocols are those that a letter may name.
var protocols = map[string]*protocol{
	segment.name: &segment, rudderstack.name: &rudderstack, snowplow.name: &snowplow, posthog.name: &posthog, posthogV1.name: &posthogV1,
}

// Again takes a letter's event as if it came at the moment when it was refused:
// its time is what it would have been. It returns the verdict, after the commit
// if that is ok.
func (h *Handler) Again(ctx context.Context, src *tracker.Source, d *tracker.DeadLetter) (tracker.Verdict, error) {
	p := protocols[d.Protocol]
	switch {
	case d.Erased:
		return tracker.Verdict{Status: tracker.Drop, Code: tracker.CodeInvalidJSON, Detail: "the letter has no text any more"}, nil
	case p == nil:
		return tracker.Verdict{Status: tracker.Drop, Code: tracker.CodeInvalidJSON, Detail: d.Protocol + " is a mail provider, who alone can sign its report: have it sent again from there"}, nil
	}
	j := h.job()
	defer h.free(j)
	j.reset(sender{
		protocol: p, source: src, trusted: d.Trusted, now: d.Received, kind: d.Kind, agent: []byte(d.Agent), agents: &h.agents,
	})
	if d.Query {
		j.decodePixel(d.Text)
	} else if e := j.decode(d.Text); e != nil {
		return tracker.Verdict{Status: tracker.Drop, Code: e.Code, Detail: e.Detail}, nil
	}
	if len(j.recs) > 0 {
		if err := h.cfg.Log.Append(ctx, 0, j.recs); err != nil {
			return tracker.Verdict{}, err
		}
		j.duplicates() // the commit point
	}
	h.count.events(j.items)
	h.tellWatcher(j)
	return j.worst(), nil
}

// worst is the verdict that speaks for all events of a text: the first that was
// refused, else the first.
func (j *job) worst() tracker.Verdict {
	worst := &item{}
	for i := range j.items {
		if it := &j.items[i]; i == 0 || it.status == tracker.Drop {
			if worst = it; it.status == tracker.Drop {
				break
			}
		}
	}
	return tracker.Verdict{MessageID: string(worst.given), Status: worst.status, Code: worst.code, Detail: details[worst.code]}
}
