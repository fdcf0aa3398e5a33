package tracker

import "bytes"

// Where the address was that an event came from, as far as the operator's file of
// places knows: context fields that only the tracker, or a sender that is trusted,
// can say.
const (
	PlaceCountry = "geo.country"  // ISO 3166: ES
	PlaceRegion  = "geo.region"   // ISO 3166-2 without the country: MD; else its name
	PlaceCity    = "geo.city"     // its name in English
	PlaceZone    = "geo.timezone" // IANA: Europe/Madrid
)

// PlaceNames are all of them.
var PlaceNames = [...]string{PlaceCountry, PlaceRegion, PlaceCity, PlaceZone}

var placePrefix = []byte("geo.")

// IsPlace says that a name is one of a place's.
func IsPlace[T string | []byte](name T) bool {
	if len(name) < len(PlaceCity) || string(name[:len(placePrefix)]) != string(placePrefix) {
		return false
	}
	for _, n := range PlaceNames {
		if string(name) == n {
			return true
		}
	}
	return false
}

// Place returns a field of the event's place; ok is false if nothing is known of it.
func (e *Event) Place(name string) (v Value, ok bool) {
	for _, fs := range [2][]Field{e.Fields, e.Personal} {
		for i := range fs {
			if f := &fs[i]; f.Space == Context && f.Value.Tag == String && string(f.Name) == name {
				return f.Value, true
			}
		}
	}
	return v, false
}

var mailPrefix = []byte("email_")

// Moves says that the event tells where the person is: its place is known, and the
// person was there. What becomes of mails does not: who opens and follows them is
// often no person, which shows only later.
func (e *Event) Moves() bool {
	return e.Placed && !e.Machine.IsMachine() && !e.IsSend() && !bytes.HasPrefix(e.Type, mailPrefix)
}
