package export

import (
	"encoding/json"
	"strconv"

	"github.com/valyala/fasthttp"

	"ripen/tracker"
)

// Trainings is the history of the cards that were learned, by the server or by hand.
// Who may call is asked before.
type Trainings interface {
	// List returns the latest, newest first, of one card if it is named, and only
	// those before a number if that is not 0.
	List(t tracker.TenantID, card string, before uint64, limit int) ([]tracker.Training, error)
	// Get returns one, and what it made, nil if that is forgotten.
	Get(t tracker.TenantID, id uint64) (*tracker.Training, *tracker.TrainedCard, error)
	// Note adds what was learned by hand.
	Note(t tracker.TenantID, begun int64, ask Training, out *Trained) error
}

// trainingJSON is a training as the API shows one.
type trainingJSON struct {
	tracker.Training
	Begun  string `json:"begun"`
	Moment string `json:"moment,omitempty"`
	Shadow string `json:"shadow,omitempty"`
	Until  string `json:"until,omitempty"`
	Ended  string `json:"ended,omitempty"`

	YAML   string          `json:"yaml,omitempty"`
	Report json.RawMessage `json:"report,omitempty"`
}

func trainingToJSON(r *tracker.Training) trainingJSON {
	when := func(ms int64) string {
		if ms == 0 {
			return ""
		}
		return Time(ms)
	}
	return trainingJSON{Training: *r, Begun: Time(r.Begun), Moment: when(r.Moment), Shadow: when(r.Shadow), Until: when(r.Until), Ended: when(r.Ended)}
}

func (c *call) trainings() error {
	limit, before := c.limit(), c.number("before")
	if c.err != nil {
		return c.err
	}
	if limit == 0 {
		limit = 20
	}
	list, err := c.cfg.Trainings.List(c.tenant.ID, c.text("scorecard"), before, limit)
	if err != nil {
		return err
	}
	out := struct {
		Trainings []trainingJSON `json:"trainings"`
		Next      uint64         `json:"next,omitempty"` // before of the next page
	}{Trainings: []trainingJSON{}}
	for i := range list {
		out.Trainings = append(out.Trainings, trainingToJSON(&list[i]))
	}
	if len(list) == limit {
		out.Next = list[limit-1].ID
	}
	JSON(c.ctx, fasthttp.StatusOK, out)
	return nil
}

func (c *call) training() error {
	id, err := strconv.ParseUint(c.name, 10, 63)
	if err != nil {
		return invalid("training", "need its number: GET /v1/trainings has them")
	}
	r, made, err := c.cfg.Trainings.Get(c.tenant.ID, id)
	if err != nil {
		return err
	}
	if r == nil {
		return &tracker.Error{Kind: tracker.KindNotFound, Code: "unknown_training", Detail: "there is no training of this number: GET /v1/trainings has them"}
	}
	out := trainingToJSON(r)
	if made != nil {
		out.YAML, out.Report = string(made.YAML), made.Report
	}
	JSON(c.ctx, fasthttp.StatusOK, out)
	return nil
}
