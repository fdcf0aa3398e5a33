package server

import (
	"encoding/binary"
	"encoding/json"
	"fmt"

	"ripen/storage"
	"ripen/tracker"
)

// trainings are the rows of what was learned: under t and a number the trainings,
// under m and the number what each made, under p and a card how far its plan is.
type trainings struct {
	meta *storage.Table
	kill func() // of tests: called before and after a training is written
}

func (q trainings) survive() {
	if q.kill != nil {
		q.kill()
	}
}

// How many trainings of a tenant are kept, and of how many what they made.
const (
	trainingsKept = 500
	madeKept      = 50
)

// planRow is how far the plan of a card is.
type planRow struct {
	Since int64  `json:"since"`          // the last training, or when the plan came into force; unix ms
	Open  uint64 `json:"open,omitempty"` // the training under way, or one that asks; 0 = none

	Label string `json:"label"`           // what is counted
	Seq   uint64 `json:"seq,omitempty"`   // up to which record
	Total uint64 `json:"total,omitempty"` // conversions up to there
	Base  uint64 `json:"base,omitempty"`  // of those, how many the last training could know
	Based bool   `json:"based,omitempty"` // all of the log was counted once
}

type madeRow struct {
	YAML   []byte          `json:"yaml"`
	Report json.RawMessage `json:"report"`
}

func trainingKey(kind byte, id uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{kind}, id)
}

func planKey(card string) []byte { return append([]byte{'p'}, card...) }

// list returns the latest trainings, of one card if it is named, newest first.
func (q trainings) list(t tracker.TenantID, card string, before uint64, limit int) (out []tracker.Training, err error) {
	to := []byte{'t' + 1}
	if before > 0 {
		to = trainingKey('t', before)
	}
	err = q.meta.View(func(tx *storage.Tx) error {
		return tx.ScanReverse(t, storage.SpaceTraining, []byte{'t'}, to, func(_, v []byte) error {
			var r tracker.Training
			if err := json.Unmarshal(v, &r); err != nil {
				return err
			}
			if card == "" || r.Card == card {
				out = append(out, r)
			}
			if len(out) == limit {
				return storage.ErrStop
			}
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read trainings: %w", err)
	}
	return out, nil
}

// get returns a training, nil if there is none.
func (q trainings) get(t tracker.TenantID, id uint64) (r *tracker.Training, err error) {
	err = q.read(t, trainingKey('t', id), &r)
	return r, err
}

// made returns what a training made, nil if it made nothing or that is forgotten.
func (q trainings) made(t tracker.TenantID, id uint64) (*tracker.TrainedCard, error) {
	var row *madeRow
	if err := q.read(t, trainingKey('m', id), &row); err != nil || row == nil {
		return nil, err
	}
	return &tracker.TrainedCard{YAML: row.YAML, Report: row.Report}, nil
}

// plan returns how far a card's plan is, nil if it was never met.
func (q trainings) plan(t tracker.TenantID, card string) (row *planRow, err error) {
	err = q.read(t, planKey(card), &row)
	return row, err
}

func (q trainings) read(t tracker.TenantID, key []byte, into any) error {
	err := q.meta.View(func(tx *storage.Tx) error {
		b, err := tx.Get(t, storage.SpaceTraining, key)
		if err != nil || b == nil {
			return err
		}
		return json.Unmarshal(b, into)
	})
	if err != nil {
		return fmt.Errorf("read training: %w", err)
	}
	return nil
}

// save writes a training, a new one under the next number, with what it made and how
// far the plan is, as one. Both may be nil.
func (q trainings) save(t tracker.TenantID, r *tracker.Training, made *tracker.TrainedCard, plan *planRow) error {
	set := func(tx *storage.Tx, key []byte, row any) error {
		b, err := json.Marshal(row)
		if err != nil {
			return err
		}
		return tx.Set(t, storage.SpaceTraining, key, b)
	}
	isNew := r.ID == 0
	q.survive()
	defer q.survive()
	err := q.meta.Update(func(tx *storage.Tx) error {
		if isNew {
			if err := q.number(tx, t, r); err != nil {
				return err
			}
			if plan != nil && r.IsOpen() {
				plan.Open = r.ID
			}
		}
		if err := set(tx, trainingKey('t', r.ID), r); err != nil {
			return err
		}
		if made != nil {
			if err := set(tx, trainingKey('m', r.ID), madeRow{made.YAML, made.Report}); err != nil {
				return err
			}
		}
		if plan == nil {
			return nil
		}
		return set(tx, planKey(r.Card), plan)
	})
	if err != nil && isNew {
		r.ID = 0
	}
	if err != nil {
		return fmt.Errorf("save training: %w", err)
	}
	return nil
}

// number gives a training the next number, and forgets what is long past.
func (q trainings) number(tx *storage.Tx, t tracker.TenantID, r *tracker.Training) error {
	r.ID = 1
	err := tx.ScanReverse(t, storage.SpaceTraining, []byte{'t'}, []byte{'t' + 1}, func(k, _ []byte) error {
		r.ID = binary.BigEndian.Uint64(k[1:]) + 1
		return storage.ErrStop
	})
	if err == nil && r.ID > madeKept {
		err = tx.Delete(t, storage.SpaceTraining, trainingKey('m', r.ID-madeKept))
	}
	if err == nil && r.ID > trainingsKept {
		err = tx.Delete(t, storage.SpaceTraining, trainingKey('t', r.ID-trainingsKept))
	}
	return err
}

// savePlan writes how far a card's plan is.
func (q trainings) savePlan(t tracker.TenantID, card string, row *planRow) error {
	b, err := json.Marshal(row)
	if err == nil {
		err = q.meta.Update(func(tx *storage.Tx) error { return tx.Set(t, storage.SpaceTraining, planKey(card), b) })
	}
	if err != nil {
		return fmt.Errorf("save plan: %w", err)
	}
	return nil
}

// open returns the plans of a tenant whose training is not done with, by card.
func (q trainings) open(t tracker.TenantID) (map[string]*planRow, error) {
	out := map[string]*planRow{}
	err := q.meta.View(func(tx *storage.Tx) error {
		return tx.Scan(t, storage.SpaceTraining, []byte{'p'}, []byte{'p' + 1}, func(k, v []byte) error {
			row := &planRow{}
			err := json.Unmarshal(v, row)
			if row.Open != 0 {
				out[string(k[1:])] = row
			}
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read plans: %w", err)
	}
	return out, nil
}
