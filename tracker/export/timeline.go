package export

import (
	"strconv"

	"ripen/tracker"
)

// eventJSON is an event of a timeline.
type eventJSON struct {
	Seq       uint64 `json:"seq"`
	Time      string `json:"time"`
	Received  string `json:"received"`
	Type      string `json:"type"`
	MessageID string `json:"message_id"`
	Machine   string `json:"machine,omitempty"`
	Reason    string `json:"machine_reason,omitempty"`
	Trusted   *bool  `json:"trusted,omitempty"` // false: not from where the source's events come from
	// Consent is what was said with the event: purpose → granted, denied, pending.
	Consent map[string]string `json:"consent,omitempty"`
	EventFields
}

// EventFields are the fields of an event as JSON shows them: under the space
// that they came in.
type EventFields struct {
	Properties map[string]any `json:"properties,omitempty"`
	Traits     map[string]any `json:"traits,omitempty"`
	Context    map[string]any `json:"context,omitempty"`
}

// Put files fields; a product's stands as products.<i>.name.
func (e *EventFields) Put(fields []tracker.Field) {
	for i := range fields {
		f := &fields[i]
		m, name := &e.Properties, string(f.Name)
		switch f.Space {
		case tracker.Trait:
			m = &e.Traits
		case tracker.Context, tracker.System:
			m = &e.Context
		case tracker.Product:
			name = "products." + strconv.Itoa(int(f.Index)) + "." + name
		}
		if *m == nil {
			*m = map[string]any{}
		}
		(*m)[name] = f.Value.Any()
	}
}

// timeline answers a page of a lead's events, latest first. What is sealed is
// shown with personal=true only: it has to be read from the log.
func (c *call) timeline() error {
	limit, after, personal := c.limit(), c.text("after"), c.flag("personal")
	st, done, err := c.at()
	if err != nil {
		return err
	}
	defer done()
	page, err := st.Timeline(c.caller, c.tenant.ID, c.name, after, limit, personal)
	if err != nil {
		return err
	}
	out := struct {
		Lead   string      `json:"lead"`
		Total  int         `json:"total"`
		Events []eventJSON `json:"events"`
		Next   string      `json:"next,omitempty"`
	}{page.Lead.String(), page.Total, make([]eventJSON, 0, len(page.Events)), page.Next}
	for i := range page.Events {
		out.Events = append(out.Events, eventToJSON(&page.Events[i]))
	}
	c.page(out)
	return nil
}

func eventToJSON(e *tracker.Event) eventJSON {
	row := eventJSON{
		Seq: e.Seq, Time: Time(e.Time), Received: Time(e.Received), Type: string(e.Type), MessageID: e.MessageText(), Machine: e.Machine.String(), Reason: e.MachineReason.String(),
	}
	row.Consent = Consent(e.Consent)
	if e.OffOrigin {
		row.Trusted = new(bool)
	}
	row.Put(e.Fields)
	row.Put(e.Personal)
	return row
}
