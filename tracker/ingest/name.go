package ingest

// commerce maps the event names that Segment gives a meaning, in snake case, to
// ours.
//
// The last one is what it sends when a person decides about cookies.
var commerce = map[string]string{
	"order_completed":  "purchase",
	"product_added":    "add_to_cart",
	"checkout_started": "checkout",

	"segment_consent_preference_updated": "consent",
}
