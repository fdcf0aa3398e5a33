package main

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// probe is one request in a wire format, as its clients send it.
type probe struct {
	name, method, path string
	headers            map[string]string
	body               []byte
}

// probed is what became of it.
type probed struct {
	Protocol string `json:"protocol"`
	Path     string `json:"path"`
	Status   int    `json:"status"`
	Request  string `json:"request_id,omitempty"`
	OK       bool   `json:"ok"` // the server says that it took the one event
	Code     string `json:"code,omitempty"`
	Detail   string `json:"detail,omitempty"`
}

// probes writes one event in every wire format.
func probes(key string, now time.Time) []probe {
	at, ms := now.UTC().Format(time.RFC3339Nano), now.UnixMilli()
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte(key+":"))
	id := func(n int) string { return fmt.Sprintf("ripen-doctor-%d-%d", now.UnixNano(), n) }
	segment := func(n int) []byte {
		return fmt.Appendf(nil, `{"batch":[{"type":"track","event":"Ripen Doctor","anonymousId":"ripen-doctor","messageId":%q,"timestamp":%q}],"sentAt":%q}`, id(n), at, at)
	}
	posthog := func(n int) []byte {
		return fmt.Appendf(nil, `{"api_key":%q,"batch":[{"event":"ripen doctor","uuid":%q,"distinct_id":"ripen-doctor","timestamp":%q}]}`, key, id(n), at)
	}
	form := "data=" + url.QueryEscape(base64.StdEncoding.EncodeToString(posthog(6)))
	snowplow := fmt.Appendf(nil, `{"schema":"iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4","data":[{"e":"se","se_ca":"ripen","se_ac":"ripen doctor","aid":%q,"duid":"ripen-doctor","eid":%q,"dtm":"%d","stm":"%d"}]}`, key, id(3), ms, ms)
	q := url.QueryEscape(key)
	return []probe{
		{"segment", "POST", "/v1/batch", map[string]string{"Authorization": basic, "Content-Type": "application/json"}, segment(0)},
		{"segment pixel", "GET", "/v1/pixel/track?event=ripen+doctor&anonymousId=ripen-doctor&messageId=" + id(1) + "&writeKey=" + q, nil, nil},
		{"rudderstack", "POST", "/v1/batch", map[string]string{"Authorization": basic, "Content-Type": "application/x-www-form-urlencoded", "Content-Encoding": "gzip"}, gzipped(segment(2))},
		{"rudderstack beacon", "POST", "/beacon/v1/batch?writeKey=" + q, map[string]string{"Content-Type": "text/plain"}, segment(8)},
		{"snowplow", "POST", "/com.snowplowanalytics.snowplow/tp2", map[string]string{"Content-Type": "application/json; charset=utf-8"}, snowplow},
		{"snowplow pixel", "GET", fmt.Sprintf("/i?stm=%d&e=se&se_ac=ripen+doctor&duid=ripen-doctor&eid=%s&aid=%s", ms, id(4), q), nil, nil},
		{"posthog", "POST", "/batch/?compression=gzip-js", map[string]string{"Content-Type": "text/plain"}, gzipped(posthog(5))},
		{"posthog beacon", "POST", "/e/?compression=base64", map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, []byte(form)},
		{"posthog v1", "POST", "/i/v1/analytics/events", map[string]string{"Authorization": "Bearer " + key, "PostHog-Request-Timestamp": at}, posthog(7)},
	}
}

func gzipped(b []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, _ = z.Write(b) // neither fails: a buffer takes everything
	_ = z.Close()
	return out.Bytes()
}

// runDoctorProtocols sends one event through each wire format and asks for its
// verdict, as the source's clients would. The events carry Sec-GPC: they are
// counted and never scored.
func runDoctorProtocols(ctx context.Context, c *call) error {
	return c.withServer(ctx, func(cl *client) error {
		var src sourceRow
		if err := cl.do(ctx, "GET", "/v1/admin/sources/"+url.PathEscape(c.get("source")), nil, nil, &src); err != nil {
			return err
		}
		bad, why := 0, ""
		var all []probed
		for _, p := range probes(src.WriteKey, time.Now()) {
			got, err := cl.probe(ctx, &p)
			if err != nil {
				return err
			}
			if all = append(all, got); !got.OK {
				bad++
				why = cmp.Or(why, plain(got.Detail), got.Code)
			}
			if !c.bool("json") {
				fmt.Fprintf(c.out, "%-20s %-38.38s %d  %s\n", got.Protocol, got.Path, got.Status, pickText(got.OK, "taken", "NOT TAKEN  "+plain(got.Code)))
			}
		}
		if c.bool("json") {
			if err := c.printJSON(all); err != nil {
				return err
			}
		}
		if bad > 0 {
			return fmt.Errorf("%d of %d wire formats did not take their event: is the source disabled, or its quota used up? The server says: %s", bad, len(all), cmp.Or(why, "nothing"))
		}
		return nil
	})
}

func pickText(ok bool, yes, no string) string {
	if ok {
		return yes
	}
	return no
}

// probe sends one request and asks what became of it.
func (cl *client) probe(ctx context.Context, p *probe) (probed, error) {
	req, err := http.NewRequestWithContext(ctx, p.method, cl.base+p.path, bytes.NewReader(p.body))
	if err != nil {
		return probed{}, err
	}
	req.Header.Set("Sec-GPC", "1")
	for name, v := range p.headers {
		req.Header.Set(name, v)
	}
	resp, err := cl.http.Do(req)
	if err != nil {
		return probed{}, fmt.Errorf("probe %s: %w", p.name, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return probed{}, fmt.Errorf("probe %s: %w", p.name, err)
	}
	out := probed{Protocol: p.name, Path: req.URL.Path, Status: resp.StatusCode, Request: resp.Header.Get("Ripen-Request-Id")}
	if resp.StatusCode != http.StatusOK {
		var said problemError
		_ = json.Unmarshal(body, &said) // what is no problem says nothing
		out.Code, out.Detail = said.Code, said.Detail
	} else if _, code, ok := strings.Cut(resp.Header.Get("Ripen-Verdict"), "code="); ok {
		out.Code = code // a picture's
	}
	if out.Request == "" {
		return out, nil
	}
	return out, cl.verdict(ctx, &out)
}

// verdict asks what became of a probe's event.
func (cl *client) verdict(ctx context.Context, out *probed) error {
	var said struct {
		Events, OK int
		Results    []struct{ Code, Detail string }
	}
	if err := cl.do(ctx, "GET", "/v1/verdicts/"+out.Request, nil, nil, &said); err != nil {
		return err
	}
	if len(said.Results) > 0 {
		out.Code, out.Detail = said.Results[0].Code, said.Results[0].Detail
	}
	out.OK = out.Status == http.StatusOK && said.Events == 1 && said.OK == 1
	return nil
}
