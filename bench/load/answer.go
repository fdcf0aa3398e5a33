package load

import (
	"bytes"
	"fmt"
	"io"
)

// answer is one HTTP response; its slices are valid until the next read.
type answer struct {
	status int
	head   []byte // status line and headers
	body   []byte
}

// reader reads responses with a Content-Length, one at a time, without
// allocating. It knows as much HTTP as the answers of an ingest path need.
type reader struct {
	src  io.Reader
	buf  []byte
	have int // bytes in buf
	used int // bytes of the answer handed out last
}

// maxAnswer bounds what a broken server can make the client hold.
const maxAnswer = 4 << 20

func (r *reader) reset(src io.Reader) {
	r.src, r.have, r.used = src, 0, 0
	if r.buf == nil {
		r.buf = make([]byte, 4096)
	}
}

func (r *reader) read() (answer, error) {
	r.have = copy(r.buf, r.buf[r.used:r.have])
	r.used = 0
	for {
		a, total, err := parse(r.buf[:r.have])
		if err != nil {
			return answer{}, err
		}
		if total > 0 && total <= r.have {
			r.used = total
			return a, nil
		}
		if need := max(total, r.have+1024); need > len(r.buf) {
			if need > maxAnswer {
				return answer{}, fmt.Errorf("answer of %d bytes: more than %d", need, maxAnswer)
			}
			r.buf = append(r.buf, make([]byte, need-len(r.buf))...)
		}
		n, err := r.src.Read(r.buf[r.have:])
		r.have += n
		if n == 0 && err != nil {
			if err == io.EOF {
				err = errClosed
			}
			return answer{}, err
		}
	}
}

var (
	headEnd   = []byte("\r\n\r\n")
	lengthKey = []byte("\r\nContent-Length: ")
)

// parse returns the answer at the start of b and its full length: 0 while the
// head is incomplete, more than len(b) while the body is (a.body is nil then).
func parse(b []byte) (a answer, total int, err error) {
	end := bytes.Index(b, headEnd)
	if end < 0 {
		return answer{}, 0, nil
	}
	if end < 12 || string(b[:7]) != "HTTP/1." || b[8] != ' ' {
		return answer{}, 0, fmt.Errorf("not an HTTP answer: %.20q", b)
	}
	for _, c := range b[9:12] {
		if c < '0' || c > '9' {
			return answer{}, 0, fmt.Errorf("status %.3q: need three digits", b[9:12])
		}
		a.status = 10*a.status + int(c-'0')
	}
	a.head = b[:end+2]
	length, err := contentLength(a.head)
	if err != nil {
		return answer{}, 0, err
	}
	total = end + 4 + length
	if total <= len(b) {
		a.body = b[end+4 : total]
	}
	return a, total, nil
}

func contentLength(head []byte) (int, error) {
	i := bytes.Index(head, lengthKey)
	if i < 0 {
		if i = bytes.Index(bytes.ToLower(head), bytes.ToLower(lengthKey)); i < 0 {
			return 0, fmt.Errorf("answer without Content-Length: %.60q", head)
		}
	}
	n, digits := 0, 0
	for _, c := range head[i+len(lengthKey):] {
		if c < '0' || c > '9' {
			break
		}
		n, digits = 10*n+int(c-'0'), digits+1
		if digits > 8 {
			break
		}
	}
	if digits == 0 || digits > 8 {
		return 0, fmt.Errorf("Content-Length: need 1 to 8 digits")
	}
	return n, nil
}

// verdict is what became of the events of one request.
type verdict struct {
	ok, duplicate, drop, retry int
	good                       bool   // the answer is right and every event is stored
	complaint                  string // what was wrong with the answer itself
}

var (
	wordOK        = []byte(`"status":"ok"`)
	wordDuplicate = []byte(`"status":"duplicate"`)
	wordDrop      = []byte(`"status":"drop"`)
	wordRetry     = []byte(`"status":"retry"`)
	wordSuccess   = []byte(`"success":true`)
	pixelVerdict  = []byte("\r\nRipen-Verdict: ")
	gifMagic      = []byte("GIF89a")
)

// judgeFormat verifies the answer to a batch in another format than Segment's.
func judgeFormat(a *answer, n int, count func(body []byte, n int) int) verdict {
	if count == nil || n == 0 || a.status == 429 || a.status == 503 {
		return judge(a, n)
	}
	var v verdict
	switch got := count(a.body, n); {
	case a.status != 200 || got < 0:
		v.complaint = fmt.Sprintf("status %d: %.200q", a.status, a.body)
	case got < n:
		v.ok, v.drop = got, n-got
		v.complaint = fmt.Sprintf("%d of %d good events were taken: %.300q", got, n, a.body)
	default:
		v.ok, v.good = n, true
	}
	return v
}

// judge verifies the answer to a request of n events; 0 is the pixel.
func judge(a *answer, n int) verdict {
	if n == 0 {
		return judgePixel(a)
	}
	var v verdict
	switch a.status {
	case 200:
	case 429, 503:
		v.retry = n
		return v
	default:
		v.complaint = fmt.Sprintf("status %d: %.200q", a.status, a.body)
		return v
	}
	v.ok = bytes.Count(a.body, wordOK)
	if v.ok != n {
		v.duplicate = bytes.Count(a.body, wordDuplicate)
		v.drop = bytes.Count(a.body, wordDrop)
		v.retry = bytes.Count(a.body, wordRetry)
	}
	success := bytes.Contains(a.body, wordSuccess)
	switch {
	case v.ok+v.duplicate+v.drop+v.retry != n:
		v.complaint = fmt.Sprintf("%d verdicts for %d events: %.200q", v.ok+v.duplicate+v.drop+v.retry, n, a.body)
	case success != (v.drop+v.retry == 0):
		v.complaint = fmt.Sprintf("success is %v with %d drop, %d retry", success, v.drop, v.retry)
	case v.drop > 0:
		v.complaint = fmt.Sprintf("a good event was dropped: %.300q", a.body)
	}
	v.good = v.complaint == "" && v.drop+v.retry == 0
	return v
}

func judgePixel(a *answer) verdict {
	var v verdict
	if a.status != 200 {
		v.complaint = fmt.Sprintf("pixel: status %d, need 200 always", a.status)
		return v
	}
	if len(a.body) != 43 || !bytes.HasPrefix(a.body, gifMagic) {
		// nginx answers its own 43-byte GIF: the magic may be GIF89a there too.
		v.complaint = fmt.Sprintf("pixel: body of %d bytes, need a 43-byte GIF", len(a.body))
		return v
	}
	i := bytes.Index(a.head, pixelVerdict)
	if i < 0 {
		v.ok, v.good = 1, true // a reference server: it keeps nothing and judges nothing
		return v
	}
	word := a.head[i+len(pixelVerdict):]
	switch {
	case bytes.HasPrefix(word, []byte("ok")):
		v.ok, v.good = 1, true
	case bytes.HasPrefix(word, []byte("duplicate")):
		v.duplicate, v.good = 1, true
	case bytes.HasPrefix(word, []byte("retry")):
		v.retry = 1
	default:
		v.drop = 1
		v.complaint = fmt.Sprintf("a good pixel was dropped: %.60q", word)
	}
	return v
}
