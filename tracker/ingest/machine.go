package ingest

import (
	"bytes"
	"strings"
	"sync"

	"github.com/mileusna/useragent"
	"github.com/valyala/fasthttp"

	"ripen/tracker"
)

// agents judges user agents and remembers the answers, since there are few
// agents and parsing one takes microseconds.
type agents struct {
	centers *File[Ranges]

	mu       sync.RWMutex            // guards the maps
	now, old map[string]agentVerdict // :: agent → verdict, two generations
}

type agentVerdict struct {
	machine tracker.Machine
	reason  tracker.MachineReason
}

const (
	maxAgents   = 4096 // of each generation
	maxAgentLen = 512  // bytes that are judged and remembered
)

// judge says who an agent seems to be.
func (a *agents) judge(agent []byte) (tracker.Machine, tracker.MachineReason) {
	if len(agent) == 0 || len(agent) == 1 && agent[0] == '-' {
		return tracker.Bot, tracker.AgentMissing
	}
	if len(agent) > maxAgentLen {
		agent = agent[:maxAgentLen]
	}
	a.mu.RLock()
	v, ok := a.now[string(agent)]
	if !ok {
		v, ok = a.old[string(agent)]
	}
	a.mu.RUnlock()
	if !ok {
		v = judgeAgent(string(agent))
		a.keep(string(agent), v)
	}
	return v.machine, v.reason
}

// judgeAt is judge for an agent that asks from an address, if that is known. An
// image proxy stands in a data centre, too, and opens for a person.
func (a *agents) judgeAt(agent []byte, address string) (tracker.Machine, tracker.MachineReason) {
	m, r := a.judge(agent)
	if m == tracker.Human && a.centers.Now().Hold(address) {
		return tracker.Bot, tracker.Datacenter
	}
	return m, r
}

// JudgeAgent says who an agent seems to be that asks from an address.
func (h *Handler) JudgeAgent(agent []byte, address string) (tracker.Machine, tracker.MachineReason) {
	return h.agents.judgeAt(agent, address)
}

// JudgeRequest says who seems to be behind a request that brings no event of
// ours but is one: by what its headers announce, else by its agent
// and address.
func (h *Handler) JudgeRequest(head *fasthttp.RequestHeader, address string) (tracker.Machine, tracker.MachineReason) {
	if announcesFetch(head) {
		return fetchedBy(tracker.PurposeHeader), tracker.PurposeHeader
	}
	return h.agents.judgeAt(trim(head.UserAgent()), address)
}

func (a *agents) keep(agent string, v agentVerdict) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.now == nil || len(a.now) >= maxAgents {
		a.now, a.old = make(map[string]agentVerdict), a.now
	}
	a.now[agent] = v
}

// judgeAgent asks our short lists first, then the library, which knows bots by
// name and by the URL that the honest ones carry.
func judgeAgent(agent string) agentVerdict {
	low := strings.ToLower(agent)
	switch {
	case containsAny(low, imageProxies):
		return agentVerdict{tracker.Proxy, tracker.AgentList}
	case containsAny(low, botWords) && !strings.Contains(low, "cubot"): // a maker of telephones
		return agentVerdict{tracker.Bot, tracker.AgentList}
	case hasPrefixAny(low, libraries):
		return agentVerdict{tracker.Bot, tracker.AgentLibrary}
	case useragent.Parse(agent).Bot:
		return agentVerdict{tracker.Bot, tracker.AgentList}
	}
	return agentVerdict{}
}

// imageProxies fetch the pictures of a mail for the person who opens it.
var imageProxies = []string{"googleimageproxy", "yahoomailproxy", "ggpht.com"}

var botWords = []string{
	"bot", "crawl", "spider", "slurp", "headless", "phantomjs", "lighthouse", "facebookexternalhit",
	"ia_archiver", "feed", "fetch", "subscribers", "pingdom", "monitoring", "scrapy", "archiver", "nutch",
	"bingpreview", "mediapartners", "favicon", "http://", "https://",
	"barracuda", "mimecast", "proofpoint", "urlscan", // they follow the links of mails; most give no name
	"@", // an address to complain to: no browser has one
}

// libraries are clients that no person looks at; the name stands first.
var libraries = []string{
	"curl/", "wget/", "python", "go-http-client", "java/", "okhttp", "apache-httpclient", "node", "axios/",
	"ruby", "php", "libwww-perl", "lwp", "perl", "aiohttp", "httpie/", "postmanruntime/", "undici", "got ",
	"analytics-", "dart/", "guzzlehttp/", "winhttp", "urllib", "reactor-netty", "universalfeedparser",
}

func containsAny(s string, words []string) bool {
	for _, w := range words {
		if strings.Contains(s, w) {
			return true
		}
	}
	return false
}

func hasPrefixAny(s string, words []string) bool {
	for _, w := range words {
		if strings.HasPrefix(s, w) {
			return true
		}
	}
	return false
}

// fetchedBy is the verdict that evidence of the request itself carries.
func fetchedBy(r tracker.MachineReason) tracker.Machine {
	if r == tracker.PurposeHeader {
		return tracker.Prefetch
	}
	return tracker.Bot // a HEAD request shows nothing to anybody
}

// announcesFetch says that a request's headers announce a fetch ahead of any
// visit.
func announcesFetch(head *fasthttp.RequestHeader) bool {
	return prefetches(head.Peek("Sec-Purpose")) || prefetches(head.Peek("Purpose")) || prefetches(head.Peek("X-Moz"))
}

// prefetches says that a Sec-Purpose, Purpose or X-Moz header announces a fetch
// ahead of any visit.
func prefetches(value []byte) bool {
	return bytes.Contains(value, []byte("prefetch")) || bytes.Contains(value, []byte("prerender")) ||
		bytes.Contains(value, []byte("preview"))
}
