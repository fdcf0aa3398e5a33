// Go clients against Ripen: client CLIENT URL KEY N sends N events with a real
// client and ends when it has delivered them.
package main

import (
	"fmt"
	"log"
	"os"
	"strconv"
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

func user(i int) string { return fmt.Sprint("u", i%3) }

func sendSegment(url, key string, n int) error {
	c, err := segment.NewWithConfig(key, segment.Config{Endpoint: url, BatchSize: 7, RetryAfter: func(int) time.Duration { return 100 * time.Millisecond }})
	if err != nil {
		return err
	}
	for i := range n {
		if err := c.Enqueue(segment.Track{UserId: user(i), Event: "Client Event", Properties: segment.NewProperties().Set("n", i)}); err != nil {
			return err
		}
	}
	return c.Close()
}

func sendRudder(url, key string, n int) error {
	c, err := rudder.NewWithConfig(key, rudder.Config{DataPlaneUrl: url, BatchSize: 7, RetryAfter: func(int) time.Duration { return 100 * time.Millisecond }})
	if err != nil {
		return err
	}
	for i := range n {
		if err := c.Enqueue(rudder.Track{UserId: user(i), Event: "Client Event", Properties: rudder.NewProperties().Set("n", i)}); err != nil {
			return err
		}
	}
	return c.Close()
}

func sendPosthog(url, key string, n int) error {
	c, err := posthog.NewWithConfig(key, posthog.Config{Endpoint: url, BatchSize: 7, RetryAfter: func(int) time.Duration { return 100 * time.Millisecond }})
	if err != nil {
		return err
	}
	for i := range n {
		if err := c.Enqueue(posthog.Capture{DistinctId: user(i), Event: "Client Event", Properties: posthog.NewProperties().Set("n", i)}); err != nil {
			return err
		}
	}
	return c.Close()
}
