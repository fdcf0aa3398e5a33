// Package geotest writes MaxMind DBs for tests: the operator's file of places, as
// package ingest reads one, of networks that the test makes up.
package geotest

import (
	"bytes"
	"fmt"
	"net"
	"strings"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
)

// Built is when the databases say they were built: 2026-05-28.
const Built = 1_780_000_000

// DB returns a database of a kind, as in GeoLite2-City. places says of a network
// (192.0.2.0/24) the country's code, and then, if it says more, what follows after
// bars: region, city and time zone, as in ES|MD|Madrid|Europe/Madrid. A region of
// more than three letters is a name.
func DB(kind string, places map[string]string) ([]byte, error) {
	tree, err := mmdbwriter.New(mmdbwriter.Options{DatabaseType: kind, Description: map[string]string{"en": "made up"}, RecordSize: 24, IncludeReservedNetworks: true, BuildEpoch: Built})
	if err != nil {
		return nil, err
	}
	for network, at := range places {
		_, ipNet, err := net.ParseCIDR(network)
		if err == nil {
			err = tree.Insert(ipNet, record(strings.Split(at, "|")))
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", network, err)
		}
	}
	var b bytes.Buffer
	_, err = tree.WriteTo(&b)
	return b.Bytes(), err
}

func record(at []string) mmdbtype.Map {
	named := func(s string) mmdbtype.Map { return mmdbtype.Map{"names": mmdbtype.Map{"en": mmdbtype.String(s)}} }
	rec := mmdbtype.Map{"country": mmdbtype.Map{"iso_code": mmdbtype.String(at[0])}}
	if len(at) < 4 {
		return rec
	}
	region := mmdbtype.Map{"iso_code": mmdbtype.String(at[1])}
	if len(at[1]) > 3 {
		region = named(at[1])
	}
	rec["subdivisions"] = mmdbtype.Slice{region, named("a smaller one")}
	rec["city"] = named(at[2])
	rec["location"] = mmdbtype.Map{"time_zone": mmdbtype.String(at[3]), "latitude": mmdbtype.Float64(40)}
	return rec
}
