package server

import (
	"bytes"
	"encoding/json"
	"fmt"

	"ripen/tracker"
	"ripen/tracker/train"
)

// Trainings implements [console.Source].
func (c consoleSource) Trainings(by tracker.Caller, t tracker.TenantID, limit int) ([]tracker.Training, error) {
	if err := by.May(tracker.SecretRole, t); err != nil {
		return nil, err
	}
	return c.s.learner.List(t, "", 0, limit)
}

// TrainingReport implements [console.Source].
func (c consoleSource) TrainingReport(by tracker.Caller, t tracker.TenantID, id uint64, lang string) ([]byte, error) {
	if err := by.May(tracker.SecretRole, t); err != nil {
		return nil, err
	}
	_, made, err := c.s.learner.Get(t, id)
	if err != nil {
		return nil, err
	}
	if made == nil {
		return nil, &tracker.Error{Kind: tracker.KindNotFound, Code: "unknown_training", Detail: "there is no training of this number, or its report is forgotten: the latest 50 are kept"}
	}
	var r train.Report
	if err := json.Unmarshal(made.Report, &r); err != nil {
		return nil, fmt.Errorf("report of training %d: %w", id, err)
	}
	var page bytes.Buffer
	err = r.HTML(&page, lang)
	return page.Bytes(), err
}
