package email

// Postmark signs nothing: a report is Postmark's if it brings the password that
// stands in the webhook's address.

var postmarkWords = map[string]meaning{
	"Delivery": delivered, "Open": wasOpened, "Click": wasClicked, "Bounce": softBounce, "SpamComplaint": complaint,
	"SubscriptionChange": unsubscribe,
}

// postmarkBounces are the kinds of bounces that are more, or less, than soft.
var postmarkBounces = map[string]meaning{
	"HardBounce": hardBounce, "BadEmailAddress": hardBounce, "ManuallyDeactivated": hardBounce,
	"SpamNotification": complaint, "SpamComplaint": complaint, "Unsubscribe": unsubscribe,
	"AutoResponder": {}, "AddressChange": {}, "Subscribe": {}, "OpenRelayTest": {}, "VirusNotification": {}, "ChallengeVerification": {},
}

func readPostmark(_ *Handler, p *post) ([]*happened, error) {
	return objects(p.body, func(o object) *happened {
		record := o.text("RecordType")
		ev := says(postmarkWords, record)
		if m, ok := postmarkBounces[o.text("Type")]; ok && record == "Bounce" {
			ev.typ, ev.detail = m.typ, m.detail
		}
		// A suppression after a bounce or a complaint is told by those.
		if record == "SubscriptionChange" && (!o.truth("SuppressSending") || o.text("SuppressionReason") != "ManualSuppression") {
			ev.typ = ""
		}
		if ev.typ == "" {
			return &happened{code: codeIgnored}
		}
		for _, name := range []string{"ReceivedAt", "DeliveredAt", "BouncedAt", "ChangedAt"} {
			if ev.time = o.moment(name); ev.time != 0 {
				break
			}
		}
		if ev.email = o.text("Recipient"); ev.email == "" {
			ev.email = o.text("Email")
		}
		ev.id = []string{
			"postmark", record, o.text("MessageID"), ev.email, o.text("ReceivedAt"), o.text("DeliveredAt"), o.text("BouncedAt"),
			o.text("ChangedAt"), o.text("OriginalLink"), o.text("ID"),
		}
		ev.message, ev.url, ev.agent, ev.ip = o.text("MessageID"), o.text("OriginalLink"), o.text("UserAgent"), o.text("Geo", "IP")
		ev.tags, ev.reason = o.text("Tag"), o.text("Description")
		return ev
	})
}
