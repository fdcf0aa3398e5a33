package server

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"

	"github.com/valyala/fasthttp"
)

// proxies are the networks whose word on where a request comes from is taken.
type proxies []netip.Prefix

// ParseNetworks reads addresses and networks, separated by commas.
func ParseNetworks(list string) (out []netip.Prefix, err error) {
	for one := range strings.SplitSeq(list, ",") {
		if one = strings.TrimSpace(one); one == "" {
			continue
		}
		p, err := netip.ParsePrefix(one)
		if err != nil {
			a, err := netip.ParseAddr(one)
			if err != nil || a.Zone() != "" {
				return nil, fmt.Errorf("%q: need addresses and networks like 10.0.0.0/8, separated by commas", one)
			}
			p = netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen())
		}
		out = append(out, p.Masked())
	}
	return out, nil
}

func (p proxies) has(a netip.Addr) bool {
	for _, n := range p {
		if n.Contains(a) {
			return true
		}
	}
	return false
}

// client finds the address that a request comes from: that of the connection,
// or, if that is a trusted proxy's, the last one in X-Forwarded-For (else in
// Forwarded) that no trusted proxy has. What stands before it, anybody can have
// written there.
func (p proxies) client(ctx *fasthttp.RequestCtx) netip.Addr {
	at, _ := netip.AddrFromSlice(ctx.RemoteIP())
	at = at.Unmap()
	if len(p) == 0 || !p.has(at) {
		return at
	}
	head := &ctx.Request.Header
	read, lines := forwardedAddr, head.PeekAll("Forwarded")
	if xff := head.PeekAll(fasthttp.HeaderXForwardedFor); len(xff) > 0 {
		read, lines = plainAddr, xff
	}
	for i := len(lines) - 1; i >= 0; i-- {
		for rest := lines[i]; rest != nil; {
			var last []byte
			if cut := bytes.LastIndexByte(rest, ','); cut >= 0 {
				rest, last = rest[:cut], rest[cut+1:]
			} else {
				rest, last = nil, rest
			}
			a, ok := read(last)
			if !ok {
				return at // a hop that says nothing ends what can be known
			}
			if at = a; !p.has(a) {
				return at
			}
		}
	}
	return at
}

// plainAddr reads an address as X-Forwarded-For has it; a port may follow.
func plainAddr(b []byte) (netip.Addr, bool) {
	s := string(bytes.TrimSpace(b))
	a, err := netip.ParseAddr(strings.Trim(s, "[]"))
	if err != nil {
		ap, err := netip.ParseAddrPort(s)
		return ap.Addr().Unmap().WithZone(""), err == nil
	}
	return a.Unmap().WithZone(""), true
}

// forwardedAddr reads the for= of one hop of RFC 7239.
func forwardedAddr(b []byte) (netip.Addr, bool) {
	for pair := range bytes.SplitSeq(b, []byte(";")) {
		name, value, _ := bytes.Cut(bytes.TrimSpace(pair), []byte("="))
		if strings.EqualFold(string(name), "for") {
			return plainAddr(bytes.Trim(value, `"`))
		}
	}
	return netip.Addr{}, false
}

// isPublic says that an address is of somebody out there, not of this machine or
// of a private network: those are proxies and servers of our own.
func isPublic(a netip.Addr) bool {
	return a.IsValid() && !a.IsLoopback() && !a.IsPrivate() && !a.IsLinkLocalUnicast()
}
