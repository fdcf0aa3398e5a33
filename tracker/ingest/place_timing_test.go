package ingest

import (
	"fmt"
	"net/netip"
	"testing"
)

// BenchmarkPlace looks addresses up in a database of 65,536 networks with records
// of their own; there are a thousand addresses, as there are visitors of an hour.
func BenchmarkPlace(b *testing.B) {
	places := map[string]string{}
	for i := range 1 << 16 {
		places[fmt.Sprintf("11.%d.%d.0/24", i>>8, i&0xff)] = fmt.Sprintf("ES|MD|City %d|Europe/Madrid", i)
	}
	p := placesFile(b, mmdb(b, "GeoLite2-City", places)).Now()
	var asked []netip.Addr
	for i := range 1000 {
		asked = append(asked, netip.AddrFrom4([4]byte{11, byte(i * 37), byte(i * 91), 7}))
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if at := p.at(asked[i%len(asked)], false); at[0] == nil {
			b.Fatal("not found")
		}
	}
}
