package tracker

import "time"

// ReadingsMost is how many moments of reading are kept of a lead: the latest.
const ReadingsMost = 64

// Habit is when somebody reads: drawn from the moments at which they opened a mail
// or clicked in one, in their own time zone. What machines did is no reading. A few
// moments say little: an hour that is usual for others weighs as much as
// habitPrior of them, so that four about one hour speak for themselves.
type Habit struct {
	Of    int         // moments known
	Hours [24]int     // moments by hour of the day
	hours [24]float64 // the same, with neighbours; the usual hour not in it
	days  [7]float64
	usual int
	zone  *time.Location
}

const habitPrior = 3

// NewHabit draws a habit from moments, unix ms. usual is the hour of the day at
// which others read.
func NewHabit(moments []int64, zone *time.Location, usual int) *Habit {
	h := &Habit{Of: len(moments), usual: usual, zone: zone}
	for _, ms := range moments {
		t := time.UnixMilli(ms).In(zone)
		h.Hours[t.Hour()]++
		h.days[t.Weekday()]++
		for d, weight := range [3]float64{0.5, 1, 0.5} {
			h.hours[(t.Hour()+d+23)%24] += weight
		}
	}
	return h
}

// Weight is how well a moment suits, to be compared with that of others.
func (h *Habit) Weight(ms int64) float64 {
	t := time.UnixMilli(ms).In(h.zone)
	own := h.hours[t.Hour()]
	switch (t.Hour() - h.usual + 24) % 24 {
	case 0:
		own += habitPrior
	case 1, 23:
		own += habitPrior / 2.
	}
	return own * (h.days[t.Weekday()] + 2)
}

// Best is the hour of the day at which they read most, and how many of the moments
// lie within an hour of it. It is not known from a few.
func (h *Habit) Best() (hour, near int, known bool) {
	for i := range h.hours {
		if h.hours[i] > h.hours[hour] {
			hour = i
		}
	}
	near = h.Hours[hour] + h.Hours[(hour+1)%24] + h.Hours[(hour+23)%24]
	return hour, near, h.hours[hour] > habitPrior
}

// ZoneOf is a lead's time zone: the one we were told, else that of where they were
// last, else another.
func (l *Lead) ZoneOf(other *time.Location) *time.Location {
	for _, attribute := range [...]string{"timezone", PlaceZone} {
		name, _ := l.Attributes[attribute].(string)
		if loc, err := time.LoadLocation(name); err == nil && name != "" && name != "Local" {
			return loc
		}
	}
	return other
}
