package email

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"
	"time"
)

const (
	fetchLimit = 10 * time.Second
	fetchBytes = 64 << 10
)

// fetchPublic gets an address over HTTPS. It asks the addresses that names
// resolve to, at the moment it connects: none that is not public is reached,
// whatever a name is made to mean; no redirect is followed and no proxy asked.
func fetchPublic(ctx context.Context, address string) ([]byte, error) {
	client := &http.Client{
		Timeout: fetchLimit,
		Transport: &http.Transport{
			DialContext:       (&net.Dialer{Timeout: fetchLimit, Control: onlyPublic}).DialContext,
			DisableKeepAlives: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	if req.URL.Scheme != "https" {
		return nil, errors.New("need https")
	}
	resp, err := client.Do(req)
	if e, ok := errors.AsType[*url.Error](err); ok {
		return nil, e.Err // without the address, which may hold a token
	}
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %d", resp.StatusCode)
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, fetchBytes+1))
	if err == nil && len(b) > fetchBytes {
		err = fmt.Errorf("over %d bytes", fetchBytes)
	}
	return b, err
}

// notPublic are ranges that the net package does not call private.
var notPublic = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("240.0.0.0/4"), netip.MustParsePrefix("64:ff9b::/96"),
	netip.MustParsePrefix("64:ff9b:1::/48"), netip.MustParsePrefix("2002::/16"), netip.MustParsePrefix("2001::/32"),
}

// onlyPublic refuses to connect to what is not a public address, port 443.
func onlyPublic(_, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	ip := ap.Addr().Unmap()
	public := ip.IsGlobalUnicast() && !ip.IsPrivate() && ip.Zone() == ""
	for _, p := range notPublic {
		public = public && !p.Contains(ip)
	}
	if !public || ap.Port() != 443 {
		return fmt.Errorf("%s is not a public address", address)
	}
	return nil
}
