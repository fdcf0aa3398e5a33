package ingest

// commerce maps the event names of Segment's commerce calls, in snake case, to
// ours.
var commerce = map[string]string{
	"order_completed":  "purchase",
	"product_added":    "add_to_cart",
	"checkout_started": "checkout",
}
