package ingest

import (
	"bufio"
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Ranges are addresses where machines stand and no person sits.
type Ranges struct {
	list []addresses // by first, none touching the next
}

type addresses struct{ first, last netip.Addr }

// What a file may list, and hold in bytes.
const (
	rangesMost      = 1_000_000
	rangesMostBytes = 64 << 20
)

// OpenRanges reads a file of ranges: one CIDR or address a line, of IPv4 or IPv6;
// what follows a # or a comma is a remark.
func OpenRanges(path string) (*File[Ranges], error) {
	return openFile("datacenters", path, rangesMostBytes, readRanges)
}

func readRanges(text []byte) (*Ranges, error) {
	var all []addresses
	lines := bufio.NewScanner(bytes.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		text := lines.Text()
		if i := strings.IndexAny(text, "#,"); i >= 0 {
			text = text[:i]
		}
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		p, err := netip.ParsePrefix(text)
		if err != nil {
			a, err := netip.ParseAddr(text)
			if err != nil || a.Zone() != "" {
				return nil, fmt.Errorf("line %d: need a range like 192.0.2.0/24 or 2001:db8::/32, or an address", n)
			}
			p = netip.PrefixFrom(a, a.BitLen())
		}
		if len(all) == rangesMost {
			return nil, fmt.Errorf("line %d: need at most %d ranges", n, rangesMost)
		}
		all = append(all, span6(p))
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(a, b addresses) int { return a.first.Compare(b.first) })
	r := &Ranges{}
	for _, a := range all {
		if n := len(r.list); n > 0 && a.first.Compare(r.list[n-1].last) <= 0 {
			if r.list[n-1].last.Less(a.last) {
				r.list[n-1].last = a.last
			}
			continue
		}
		r.list = append(r.list, a)
	}
	r.list = slices.Clip(r.list)
	return r, nil
}

// span6 is the first and the last address of a range; those of IPv4 are mapped.
func span6(p netip.Prefix) addresses {
	first := p.Masked().Addr()
	b, bits := first.As16(), p.Bits()
	if first.Is4() {
		bits += 96
	}
	for i := bits; i < 128; i++ {
		b[i/8] |= 1 << (7 - i%8)
	}
	return addresses{netip.AddrFrom16(first.As16()), netip.AddrFrom16(b)}
}

// Hold says that an address, as text, is in one of the ranges.
func (r *Ranges) Hold(address string) bool {
	if r == nil || address == "" {
		return false
	}
	a, err := netip.ParseAddr(address)
	if err != nil {
		return false
	}
	a = netip.AddrFrom16(a.As16())
	i, found := slices.BinarySearchFunc(r.list, a, func(q addresses, a netip.Addr) int { return q.first.Compare(a) })
	return found || i > 0 && a.Compare(r.list[i-1].last) <= 0
}
