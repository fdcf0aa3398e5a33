// Go clients against Ripen: client CLIENT URL KEY N sends N events with a real
// client and ends when it has delivered them.
package main

import (
	"fmt"
	"log"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/posthog/posthog-go"
	rudder "github.com/rudderlabs/analytics-go/v4"
	segment "github.com/segmentio/analytics-go/v3"
)

func main() {
	url, key := os.Args[2], os.Args[3]
	n, err := strconv.Atoi(os.Args[4])
	if err != nil {
		log.Fatal(err)
	}
	clients := map[string]func(url, key string, n int) error{"analytics-go": sendSegment, "rudder-go": sendRudder, "posthog-go": sendPosthog}
	if err := clients[os.Args[1]](url, key, n); err != nil {
		log.Fatal(err)
	}
}

// outcome counts what a client says of its messages: closing it at once would
// give up those that wait for another attempt.
type outcome[M any] struct {
	left   sync.WaitGroup
	failed atomic.Int64
}

func newOutcome[M any](n int) *outcome[M] {
	o := &outcome[M]{}
	o.left.Add(n)
	return o
}

func (o *outcome[M]) Success(M) { o.left.Done() }

func (o *outcome[M]) Failure(_ M, err error) {
	log.Print(err)
	o.failed.Add(1)
	o.left.Done()
}

// wait ends when all messages have an outcome.
func (o *outcome[M]) wait(closed func() error) error {
	o.left.Wait()
	if n := o.failed.Load(); n > 0 {
		return fmt.Errorf("%d messages failed", n)
	}
	return closed()
}

func user(i int) string { return fmt.Sprint("u", i%3) }

func sendSegment(url, key string, n int) error {
	o := newOutcome[segment.Message](n)
	c, err := segment.NewWithConfig(key, segment.Config{Callback: o, Endpoint: url, BatchSize: 7, RetryAfter: func(int) time.Duration { return 100 * time.Millisecond }})
	if err != nil {
		return err
	}
	for i := range n {
		if err := c.Enqueue(segment.Track{UserId: user(i), Event: "Client Event", Properties: segment.NewProperties().Set("n", i)}); err != nil {
			return err
		}
	}
	return o.wait(c.Close)
}

func sendRudder(url, key string, n int) error {
	o := newOutcome[rudder.Message](n)
	c, err := rudder.NewWithConfig(key, rudder.Config{Callback: o, DataPlaneUrl: url, BatchSize: 7, RetryAfter: func(int) time.Duration { return 100 * time.Millisecond }})
	if err != nil {
		return err
	}
	for i := range n {
		if err := c.Enqueue(rudder.Track{UserId: user(i), Event: "Client Event", Properties: rudder.NewProperties().Set("n", i)}); err != nil {
			return err
		}
	}
	return o.wait(c.Close)
}

func sendPosthog(url, key string, n int) error {
	o := newOutcome[posthog.APIMessage](n)
	c, err := posthog.NewWithConfig(key, posthog.Config{Callback: o, Endpoint: url, BatchSize: 7, RetryAfter: func(int) time.Duration { return 100 * time.Millisecond }})
	if err != nil {
		return err
	}
	for i := range n {
		if err := c.Enqueue(posthog.Capture{DistinctId: user(i), Event: "Client Event", Properties: posthog.NewProperties().Set("n", i)}); err != nil {
			return err
		}
	}
	return o.wait(c.Close)
}
