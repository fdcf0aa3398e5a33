package ingest

import (
	"bytes"
	"fmt"
	"net/netip"
	"time"
	"unicode/utf8"

	"github.com/oschwald/maxminddb-golang/v2"

	"ripen/tracker"
)

// Places knows where addresses are: a MaxMind DB of cities or countries, as
// GeoLite2, GeoIP2 and DB-IP ship them, held in memory.
type Places struct{ db *maxminddb.Reader }

const (
	// placesMost bounds the file, and with it the memory: while a new one is read
	// there are two.
	placesMost = 256 << 20
	// placesSample is how many networks are looked at for one whose country is
	// known, before a file is refused that seems to be about something else.
	placesSample = 10_000
)

// OpenPlaces reads a MaxMind DB.
func OpenPlaces(path string) (*File[Places], error) {
	return openFile("geo", path, placesMost, readPlaces)
}

func readPlaces(b []byte) (*Places, error) {
	db, err := maxminddb.OpenBytes(b)
	if err != nil {
		return nil, fmt.Errorf("need a MaxMind DB (.mmdb): %w", err)
	}
	if err := db.Verify(); err != nil { // else a lookup finds out, years later
		return nil, fmt.Errorf("the MaxMind DB is damaged: %w", err)
	}
	p, n := &Places{db}, 0
	for r := range db.Networks() {
		if at := decodePlace(r); len(at[0]) > 0 {
			return p, nil
		}
		if n++; n == placesSample {
			break
		}
	}
	return nil, fmt.Errorf("need a database of cities or countries, with country.iso_code: this is %.40q", db.Metadata.DatabaseType)
}

// String says which database it is, and of when.
func (p *Places) String() string {
	return fmt.Sprintf("%s of %s", p.db.Metadata.DatabaseType, p.db.Metadata.BuildTime().UTC().Format(time.DateOnly))
}

// whereabouts are what is known of an address, by [tracker.PlaceNames]; nil = nothing.
type whereabouts [len(tracker.PlaceNames)][]byte

// placeRecord is what we read of a record.
type placeRecord struct {
	Country struct {
		Code string `maxminddb:"iso_code"`
	} `maxminddb:"country"`
	Regions []struct {
		Code  string `maxminddb:"iso_code"`
		Names struct {
			EN string `maxminddb:"en"`
		} `maxminddb:"names"`
	} `maxminddb:"subdivisions"`
	City struct {
		Names struct {
			EN string `maxminddb:"en"`
		} `maxminddb:"names"`
	} `maxminddb:"city"`
	Location struct {
		Zone string `maxminddb:"time_zone"`
	} `maxminddb:"location"`
}

// at says where an address is. Of a person who may not be known it is asked
// coarsely: of the network that it is in, and for the country alone.
func (p *Places) at(a netip.Addr, coarse bool) (at whereabouts) {
	a = a.Unmap()
	if p == nil || !a.IsValid() || a.Zone() != "" {
		return at
	}
	if coarse {
		bits := 48
		if a.Is4() {
			bits = 24
		}
		net, _ := a.Prefix(bits) // never fails: the address has no zone
		a = net.Addr()
	}
	at = decodePlace(p.db.Lookup(a))
	if coarse {
		at = whereabouts{at[0]}
	}
	return at
}

func decodePlace(r maxminddb.Result) (at whereabouts) {
	var rec placeRecord
	if !r.Found() || r.Decode(&rec) != nil {
		return at
	}
	region := ""
	if len(rec.Regions) > 0 {
		if region = rec.Regions[0].Code; region == "" {
			region = rec.Regions[0].Names.EN
		}
	}
	if c := rec.Country.Code; len(c) != 2 || c[0] < 'A' || c[0] > 'Z' || c[1] < 'A' || c[1] > 'Z' {
		return at // whatever else it says, it is about no country
	}
	for i, text := range [...]string{rec.Country.Code, region, rec.City.Names.EN, rec.Location.Zone} {
		if text != "" && len(text) <= tracker.MaxID && utf8.ValidString(text) {
			at[i] = []byte(text)
		}
	}
	return at
}

// fields are the context fields that say it.
func (at *whereabouts) fields(dst []tracker.Field) []tracker.Field {
	for i, text := range at {
		if text != nil {
			dst = append(dst, tracker.Field{Space: tracker.Context, Name: geoNames[i], Value: textValue(text)})
		}
	}
	return dst
}

// Place returns the fields that say where an address is, none if that is not
// known; coarse is as of a person who may not be known.
func (h *Handler) Place(address string, coarse bool) []tracker.Field {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return nil
	}
	at := h.cfg.Places.Now().at(a, coarse)
	return at.fields(nil)
}

// isOurs says that a context's field is for the server to say: when and where a
// request came in. A client of a public key cannot set it.
func isOurs(name []byte) bool {
	switch string(name) {
	case "receivedAt", "geo", "request_ip":
		return true
	}
	return bytes.HasPrefix(name, []byte("geo."))
}

// locate files where the event came from. What a trusted sender says of it itself
// stands; of anybody else nothing is taken. An image proxy is not where the
// person is.
func (d *decoder) locate(e *tracker.Event, denied bool) {
	if d.found.placed {
		e.Placed = true
		return
	}
	if d.geo == nil || e.Machine == tracker.Proxy {
		return
	}
	text := d.from()
	if string(text) != string(d.lookedUp.address) || denied != d.lookedUp.coarse {
		d.lookedUp = lookedUp{address: text, coarse: denied}
		if a, err := netip.ParseAddr(string(text)); err == nil {
			d.lookedUp.at = d.geo.at(a, denied)
		}
	}
	for i, text := range d.lookedUp.at {
		if text != nil {
			d.out.text(tracker.Context, geoNames[i], text, d.names(geoNames[i]))
			e.Placed = true
		}
	}
}

// lookedUp is the last address of a request that was looked up: most have one.
type lookedUp struct {
	address []byte
	coarse  bool
	at      whereabouts
}

var geoNames = func() (names [len(tracker.PlaceNames)][]byte) {
	for i, n := range tracker.PlaceNames {
		names[i] = []byte(n)
	}
	return names
}()
