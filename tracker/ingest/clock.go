package ingest

import (
	"math"

	"ripen/tracker"
)

// clock is a time a sender wrote: absent, unreadable, or unix milliseconds.
type clock struct {
	ms    int64
	state clockState
}

type clockState byte

const (
	noClock clockState = iota
	badClock
	goodClock
)

// maxClock bounds what a sender's number may mean, so that differences of two
// times never overflow: the year 9999 in milliseconds.
const maxClock = 253402300799999

// clockOf reads a time from a JSON value: RFC 3339 text (the zone, the seconds
// and the time of day may be missing: UTC, zero), or a number of seconds, or of
// milliseconds from 100,000,000,000 on.
func clockOf(v tracker.Value) clock {
	switch v.Tag {
	case tracker.Null:
		return clock{}
	case tracker.String:
		t := trim(v.Str)
		if len(t) == 0 {
			return clock{}
		}
		if ms, ok := wholeClock(t); ok {
			return clock{ms, goodClock}
		}
		if n, whole := numberLen(t); n == len(t) {
			return clockOf(numberValue(t, whole))
		}
		if ms, ok := parseTime(t); ok {
			return clock{ms, goodClock}
		}
	case tracker.Int, tracker.Float, tracker.Number:
		f, _ := v.AsFloat()
		if math.Abs(f) < 1e11 {
			f *= 1000
		}
		if math.Abs(f) <= maxClock {
			return clock{int64(f), goodClock}
		}
	}
	return clock{state: badClock}
}

// wholeClock reads what most numbers are: 13 digits, of which the first is no zero,
// are milliseconds.
func wholeClock(t []byte) (ms int64, ok bool) {
	if len(t) != 13 || t[0] == '0' {
		return 0, false
	}
	for _, c := range t {
		if c-'0' > 9 {
			return 0, false
		}
		ms = ms*10 + int64(c-'0')
	}
	return ms, true
}

// parseTime reads YYYY-MM-DD[(T| )hh:mm[:ss[.fff…]][Z|±hh[:]mm]].
func parseTime(b []byte) (ms int64, ok bool) {
	year, ok1 := number2(b, 0, 4)
	month, ok2 := number2(b, 5, 2)
	day, ok3 := number2(b, 8, 2)
	if !ok1 || !ok2 || !ok3 || b[4] != '-' || b[7] != '-' ||
		month < 1 || month > 12 || day < 1 || day > daysIn(year, month) {
		return 0, false
	}
	ms = daysFrom(year, month, day) * 86_400_000
	if len(b) == 10 {
		return ms, true
	}
	if b[10]|0x20 != 't' && b[10] != ' ' {
		return 0, false
	}
	hour, ok1 := number2(b, 11, 2)
	minute, ok2 := number2(b, 14, 2)
	if !ok1 || !ok2 || b[13] != ':' || hour > 23 || minute > 59 {
		return 0, false
	}
	ms += int64(hour)*3_600_000 + int64(minute)*60_000
	rest, extra, ok := seconds(b[16:])
	if !ok {
		return 0, false
	}
	offset, ok := zone(rest)
	return ms + extra - offset, ok
}

// number2 reads n digits at i.
func number2(b []byte, i, n int) (v int, ok bool) {
	if len(b) < i+n {
		return 0, false
	}
	for _, c := range b[i : i+n] {
		if c-'0' > 9 {
			return 0, false
		}
		v = v*10 + int(c-'0')
	}
	return v, true
}

func daysIn(year, month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// daysFrom counts days from 1970-01-01 in the Gregorian calendar; years begin
// in March so that the leap day comes last.
func daysFrom(year, month, day int) int64 {
	if month <= 2 {
		year--
		month += 12
	}
	y := int64(year) + 400 // no negative quotients
	return 365*y + y/4 - y/100 + y/400 + int64((153*(month-3)+2)/5+day-1) - 719468 - 146097
}

// seconds reads an optional :ss[.fff…].
func seconds(b []byte) (rest []byte, ms int64, ok bool) {
	if len(b) == 0 || b[0] != ':' {
		return b, 0, true
	}
	s, ok := number2(b, 1, 2)
	if !ok || s > 59 {
		return nil, 0, false
	}
	ms, b = int64(s)*1000, b[3:]
	if len(b) == 0 || b[0] != '.' {
		return b, ms, true
	}
	n := digits(b, 1)
	if n == 1 {
		return nil, 0, false
	}
	for i, unit := 1, int64(100); i < n && unit > 0; i, unit = i+1, unit/10 {
		ms += int64(b[i]-'0') * unit
	}
	return b[n:], ms, true
}

// zone reads what is left: nothing or Z for UTC, or an offset.
func zone(b []byte) (ms int64, ok bool) {
	if len(b) == 0 || len(b) == 1 && b[0]|0x20 == 'z' {
		return 0, true
	}
	if b[0] != '+' && b[0] != '-' {
		return 0, false
	}
	hour, ok1 := number2(b, 1, 2)
	at := 3
	if len(b) > 3 && b[3] == ':' {
		at = 4
	}
	minute, ok2 := number2(b, at, 2)
	if !ok1 || !ok2 || len(b) != at+2 || hour > 23 || minute > 59 {
		return 0, false
	}
	ms = int64(hour)*3_600_000 + int64(minute)*60_000
	if b[0] == '-' {
		ms = -ms
	}
	return ms, true
}

func trim(b []byte) []byte {
	for len(b) > 0 && b[0] <= ' ' {
		b = b[1:]
	}
	for len(b) > 0 && b[len(b)-1] <= ' ' {
		b = b[:len(b)-1]
	}
	return b
}
