package suite

import "fmt"

// Figure is one promise: what to reach, what would be better still, and what
// this run measured.
type Figure struct {
	ID       string  `json:"id"`
	Name     string  `json:"name"`
	Unit     string  `json:"unit"`
	Least    bool    `json:"least"` // true: at least; false: at most
	Reach    float64 `json:"reach"`
	Stretch  float64 `json:"stretch"`
	Measured float64 `json:"measured"`
	Known    bool    `json:"known"` // Measured holds a value
	Note     string  `json:"note,omitempty"`
	Digits   int     `json:"-"` // of Measured and the bars, in print
}

// Verdict is stretch, reached, missed, or "not measured".
func (f *Figure) Verdict() string {
	meets := func(bar float64) bool {
		if f.Least {
			return f.Measured >= bar
		}
		return f.Measured <= bar
	}
	switch {
	case !f.Known:
		return "not measured"
	case meets(f.Stretch):
		return "stretch"
	case meets(f.Reach):
		return "reached"
	}
	return "MISSED"
}

func (f *Figure) value(v float64) string {
	if f.Unit == "" {
		return fmt.Sprintf("%.*f", f.Digits, v)
	}
	return fmt.Sprintf("%.*f %s", f.Digits, v, f.Unit)
}

func (f *Figure) bar(v float64) string {
	return pick(f.Least, "≥ ", "≤ ") + f.value(v)
}

// The figures, in the order of the table.
const (
	figGetCapture   = "get_capture"
	figGetFull      = "get_full"
	figPostCapture  = "post20_capture"
	figSustained    = "sustained"
	figCPU          = "cpu_per_event"
	figP99          = "get_p99"
	figVisible      = "visible_p99"
	figDisk         = "disk_per_event"
	figRSSRatio     = "rss_ratio"
	figRSS10M       = "rss_10m"
	figRSSLeads     = "rss_1mleads"
	figListLeads    = "list_1mleads"
	figTimeline     = "timeline_10m"
	figLost         = "lost"
	figOpen         = "open_10m"
	figBinary       = "binary"
	figNginx        = "get_nginx"
	figListSmall    = "list_small"
	figTimelineNow  = "timeline_small"
	figOpenNow      = "open_small"
	figDuplicated   = "duplicated"
	figLagSustained = "lag_sustained"
	figFormat       = "cpu_" // and the name of a wire format
)

func bars() []Figure {
	list := []Figure{
		{ID: figGetCapture, Name: "durable pixel GET requests/s ÷ bare, capture only", Least: true, Reach: 0.50, Stretch: 0.70, Digits: 2},
		{ID: figGetFull, Name: "durable pixel GET requests/s ÷ bare, with fold, score, rank", Least: true, Reach: 0.40, Stretch: 0.55, Digits: 2},
		{ID: figNginx, Name: "durable pixel GET requests/s ÷ nginx empty_gif + access_log", Least: true, Reach: 0.45, Stretch: 0.60, Digits: 2},
		{ID: figPostCapture, Name: "durable POST of 20, events/s ÷ bare, capture only", Least: true, Reach: 0.30, Stretch: 0.50, Digits: 2},
		{ID: figSustained, Name: "sustained events/s, fold + score + rank keeping up", Unit: "ev/s", Least: true, Reach: 60_000, Stretch: 120_000},
		{ID: figLagSustained, Name: "fold lag p99 at that rate", Unit: "ms", Reach: 1000, Stretch: 250},
		{ID: figCPU, Name: "CPU per event, capture + fold + score + rank, POST of 20", Unit: "µs", Reach: 16, Stretch: 10, Digits: 1},
		{ID: figP99, Name: "p99 of durable GET ÷ bare, capture only", Reach: 2, Stretch: 1.3, Digits: 2},
		{ID: figVisible, Name: "acknowledged → visible in /v1/leads, p99 at half load", Unit: "ms", Reach: 250, Stretch: 50, Digits: 1},
		{ID: figListSmall, Name: "/v1/leads?limit=100 p99 at half load, this run's leads", Unit: "ms", Reach: 10, Stretch: 5, Digits: 1},
		{ID: figTimelineNow, Name: "timeline of 100 events p99 at half load, this run's events", Unit: "ms", Reach: 10, Stretch: 3, Digits: 1},
		{ID: figDisk, Name: "disk per event of 450 bytes JSON, all stores", Unit: "B", Reach: 200, Stretch: 150},
		{ID: figOpenNow, Name: "open after kill -9, this run's events", Unit: "s", Reach: 2, Stretch: 1, Digits: 2},
		{ID: figLost, Name: "acknowledged events lost over kill -9 under load", Reach: 0, Stretch: 0},
		{ID: figDuplicated, Name: "events stored twice over kill -9 and resending", Reach: 0, Stretch: 0},
		{ID: figBinary, Name: "static binary", Unit: "MB", Reach: 30, Stretch: 20, Digits: 1},
		{ID: figRSS10M, Name: "RSS with 10 M events, 100 k leads", Unit: "MB", Reach: 600, Stretch: 400},
		{ID: figRSSRatio, Name: "  ÷ RSS with 1 M events, 10 k leads", Reach: 1.3, Stretch: 1.15, Digits: 2},
		{ID: figTimeline, Name: "timeline of 100 events among 10 M, p99 while ingesting", Unit: "ms", Reach: 10, Stretch: 3, Digits: 1},
		{ID: figOpen, Name: "open after kill -9 with 10 M events", Unit: "s", Reach: 2, Stretch: 1, Digits: 2},
		{ID: figRSSLeads, Name: "RSS with 1 M leads, 20 M events", Unit: "MB", Reach: 1500, Stretch: 1000},
		{ID: figListLeads, Name: "/v1/leads?limit=100 p99 with 1 M leads", Unit: "ms", Reach: 10, Stretch: 5, Digits: 1},
	}
	for _, c := range formatCases()[1:] {
		list = append(list, Figure{ID: figFormat + c.format, Name: "CPU per event, " + c.format + " ÷ segment, same visits, POST of 20, capture only", Reach: 1.25, Stretch: 1, Digits: 2})
	}
	return list
}

// Figure finds one by its id.
func (r *Report) Figure(id string) *Figure {
	for i := range r.Figures {
		if f := &r.Figures[i]; f.ID == id {
			return f
		}
	}
	panic("BUG: no figure " + id)
}

// Set says what was measured.
func (r *Report) Set(id string, v float64, note string) {
	f := r.Figure(id)
	f.Measured, f.Known, f.Note = v, true, note
}
