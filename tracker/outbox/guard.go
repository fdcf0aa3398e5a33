package outbox

import (
	"errors"
	"net"
	"net/netip"
	"syscall"
)

// Dialer connects to the public internet and to the allowed networks, whatever
// a name leads to when it is dialled.
func Dialer(allow []netip.Prefix) *net.Dialer {
	return guarded(func(a netip.Addr) error { return refuseAddr(a, allow, true) })
}

func guarded(refuse func(netip.Addr) error) *net.Dialer {
	return &net.Dialer{Timeout: dialLimit, Control: func(_, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address) // after the name was looked up
		if err != nil {
			return errors.Join(errGuarded, err)
		}
		return refuse(to.Addr())
	}}
}

// errGuarded says that a webhook leads into the machine's own network.
var errGuarded = errors.New("the address is not on the public internet: the server's --webhook-allow must name it")

// reserved are the networks that net/netip does not tell from public ones.
var reserved = prefixes(
	"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
	"64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16", "fec0::/10",
)

func prefixes(list ...string) (out []netip.Prefix) {
	for _, s := range list {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}

// refuseAddr says whether a connection may go to an address: one of the allowed
// networks, or if public is set any on the public internet. It is asked with the
// address that is dialled, after the name was looked up, so that no name can
// lead elsewhere meanwhile.
func refuseAddr(a netip.Addr, allow []netip.Prefix, public bool) error {
	a = a.Unmap().WithZone("")
	for _, p := range allow {
		if p.Contains(a) {
			return nil
		}
	}
	if !public || !a.IsGlobalUnicast() || a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() {
		return errGuarded
	}
	for _, p := range reserved {
		if p.Contains(a) {
			return errGuarded
		}
	}
	return nil
}
