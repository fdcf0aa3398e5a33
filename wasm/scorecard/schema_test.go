package scorecard

// section is one map of the language: where it stands, and its keys. The reader
// must know exactly these keys; see TestSchema.
type section struct {
	of    string // as errors name it
	where string
	about string
	keys  []key
}

type key struct{ name, holds, means string }

// Keys of every dimension.
var anyDimension = []key{
	{"kind", "a word", "which of these sections holds"},
	{"min", "points", "the least the dimension can be; 0 if left out. Below 0 it can take away"},
	{"max", "points", "the most it can be; without bound if left out, 100 for replenishment, btyd, model, wasm and rollup"},
	{"grades", "label: points", "best first, as in {A: 75, B: 50, C: 25, D: 0}; two graded dimensions make a grid A1…D4. The last grade also holds below where it begins"},
}

func dimensionKeys(more ...key) []key { return append(more, anyDimension...) }

// schema is the language, in the order of its reference.
var schema = []section{
	{"a scorecard", "the file", "One file holds one card.", []key{
		{"scorecard", "a name", "what the card is called; required"},
		{"version", "a whole number", "the version this file was made from; the server numbers versions"},
		{"language", "en, es", "of the reasons that no rule gives; en if left out"},
		{"timezone", "a zone", "whose days `per: day` counts, as in Europe/Madrid; UTC if left out"},
		{"entity", "lead, contact, account, company", "what is scored: people, or the companies that they make up; lead if left out"},
		{"lists", "name: list", "named lists of texts that conditions ask with in_list"},
		{"dimensions", "name: dimension", "1 to 16 axes of the score; required"},
		{"gates", "list of gates", "what bounds the result whatever the points say"},
		{"score", "a map", "how dimensions become one score"},
		{"bands", "list of bands", "named runs of scores, from the lowest up"},
		{"on_band", "band: list of actions", "what entering a band sets off"},
		{"rollup", "a map", "how leads' scores become their account's; required of a card of accounts"},
		{"label", "a label", "what the card is to foresee, for whoever learns it or checks it; scores nothing. In short: won within 90d"},
		{"learn", "daily, weekly, monthly, or a plan", "how the server learns the card anew by itself, from the log; needs a label; scores nothing"},
		{"probability", "a map", "how probable it is that a lead with a score converts; ripen train writes it"},
	}},
	{"dimension attributes", "dimensions: {NAME: {kind: attributes}}", "Who somebody is: rules over what we were told.", dimensionKeys(
		key{"groups", "name: group", "its rules, in groups; required"})},
	{"dimension behaviour", "dimensions: {NAME: {kind: behaviour}}", "What somebody does: rules over events.", dimensionKeys(
		key{"groups", "name: group", "its rules, in groups; required"})},
	{
		"dimension replenishment", "dimensions: {NAME: {kind: replenishment}}",
		"When somebody will need it again, by the age of what was bought. Either a lifetime (with horizon) or a curve.", dimensionKeys(
			key{"anchor", "a map", "the event the age is counted from; required"},
			key{"lifetime", "a map", "how long such things last: a gamma or a Weibull distribution"},
			key{"horizon", "a length of time", "the chance counted is that of buying again within it, given none yet"},
			key{"full_at", "a share", "the chance that is worth all points (max); 1 if left out"},
			key{"fade_after", "a length of time", "from this age on it was bought elsewhere: points fade"},
			key{"fade_half_life", "a length of time", "how fast; a quarter of fade_after if left out, at least 10m"},
			key{"curve", "list of [age, points]", "points by age, in straight lines between, from age 0 on; the last stays"},
			key{"why", "text", "words of the reason, with {points}, {age}, {mean}"}),
	},
	{
		"dimension rfm", "dimensions: {NAME: {kind: rfm}}",
		"How recently, how often and for how much somebody bought; reasons NAME.recency, NAME.frequency, NAME.monetary. At least one of the three.", dimensionKeys(
			key{"event", "an event type", "what counts; purchase if left out"},
			key{"where", "conditions", "only events that fulfil them"},
			key{"ignore", "list", "machines whose events do not count: bot, prefetch, proxy"},
			key{"value", "a property", "what monetary sums up; value if left out. In hundredths, rounded half up"},
			key{"within", "a length of time", "frequency and monetary look at this window, of whose events the latest 32 are kept; for ever if left out"},
			key{"recency", "list of [time, points]", "the first step whose time has not passed since the last"},
			key{"frequency", "list of [number, points]", "the last step that is reached"},
			key{"monetary", "list of [sum, points]", "the last step that is reached"}),
	},
	{
		"dimension btyd", "dimensions: {NAME: {kind: btyd}}",
		"How many purchases to expect, by BG/NBD, whose parameters `ripen loyalty` learns. Purchases of one day are one.", dimensionKeys(
			key{"event", "an event type", "what counts; purchase if left out"},
			key{"where", "conditions", "only events that fulfil them"},
			key{"ignore", "list", "machines whose events do not count: bot, prefetch, proxy"},
			key{"r", "a number", "the shape of the rates of buying; required"},
			key{"alpha", "a length of time", "their scale, from 1h on; required"},
			key{"a", "a number", "the chance to leave after a purchase follows Beta(a, b); required"},
			key{"b", "a number", "required"},
			key{"horizon", "a length of time", "how far ahead purchases count; required"},
			key{"full_at", "a number", "the expected purchases that are worth all points (max); with spend, the money; required"},
			key{"spend", "a map", "what a purchase is worth: then expected money counts"},
			key{"why", "text", "words of the reason, with {points}, {count} of days with purchases"}),
	},
	{"dimension model", "dimensions: {NAME: {kind: model}}", "What a learned model expects: its probability × max. While the model says nothing the dimension is 0.", dimensionKeys(
		key{"model", "a name", "which model; required"},
		key{"why", "text", "words of the reason, with {points}"})},
	{"dimension wasm", "dimensions: {NAME: {kind: wasm}}", "What a module of the tenant's own says, in points. While it says nothing the dimension is 0.", dimensionKeys(
		key{"module", "a name", "which module; required"},
		key{"gas", "a whole number", "what one call of it may take, up to 1000000"},
		key{"why", "text", "words of the reason, with {points}"})},
	{
		"dimension rollup", "dimensions: {NAME: {kind: rollup}}",
		"What the scores of an account's leads come to, in points; only in a card with entity: account. Its reasons name the leads.", dimensionKeys(
			key{"score", "a map", "how; as the card's rollup says if left out"},
			key{"why", "text", "words of the reasons, with {points}"}),
	},
	{"a group", "groups: {NAME: …}", "A group bounds the sum of its rules.", []key{
		{"min", "points", "0 if left out, unbounded if a rule has negative points"},
		{"max", "points", "without bound if left out"},
		{"rules", "list of rules", "required"},
	}},
	{"a rule", "rules: […]", "One of when, event, absent, unanswered says what it waits for; one of half_life, linear, expire, count, decay: none how long its points last.", []key{
		{"id", "a name", "once in the card; reasons carry it; required"},
		{"points", "points", "what it gives or, below 0, takes; required"},
		{"why", "text", "what people read, with {points}; {count} in expire, count and unanswered rules; {age} in absent rules"},
		{"when", "conditions, or an expression", "on attributes, in a dimension of kind attributes; an expression in a rule that names an event is over that event"},
		{"event", "an event type", "as in page_view; no stars"},
		{"where", "conditions", "on the event's properties"},
		{"per", "each, day, session, message, distinct:PROPERTY", "events that count once; each if left out"},
		{"cap", "points", "the most its points add up to; of the sign of its points. Applied when points are added, or when read for expire and linear"},
		{"half_life", "a length of time", "points halve every so often; at least 10m"},
		{"linear", "a map", "each event's points fall in steps"},
		{"expire", "a length of time", "each event's points last so long"},
		{"decay", "none", "points stay, as they do if nothing is said"},
		{"count", "a map", "points are held while so many events lie in a window"},
		{"ignore", "list", "machines whose events do not count: bot, prefetch, proxy; nobody if left out"},
		{"absent", "an event type or any_activity", "silence"},
		{"after", "a length of time", "how much silence"},
		{"unanswered", "a map", "messages of ours without an answer"},
	}},
	{"linear", "rule: {linear: …}", "", []key{
		{"drop", "a share in %", "of what they were, lost at each full step"},
		{"every", "a length of time", "the step"},
	}},
	{"count", "rule: {count: …}", "", []key{
		{"gte", "a whole number", "how many, up to 32; the latest are kept"},
		{"within", "a length of time", "the window (now − within, now]"},
	}},
	{"unanswered", "rule: {unanswered: …}", "An answer is any activity of the person after the message; a report of delivery or bounce is none, nor is an identify.", []key{
		{"channels", "list", "email, sms, call, push, whatsapp, letter; the first three if left out"},
		{"sent", "a whole number", "how many without an answer, up to 32"},
		{"within", "a length of time", "the window (now − within, now]"},
	}},
	{
		"a condition", "when: {FIELD: …}, where: {FIELD: …}",
		"A bare value means equality; a text with * is a pattern for the whole value. All of a map must hold. A missing value fulfils none but exists: false.",
		[]key{
			{"in", "list", "one of these texts or numbers"},
			{"not_in", "list", "there, and none of these"},
			{"between", "[number, number]", "both ends included"},
			{"gt", "a number", "greater"},
			{"gte", "a number", "greater or equal"},
			{"lt", "a number", "less"},
			{"lte", "a number", "less or equal"},
			{"matches", "text", "a regular expression (RE2) finds something"},
			{"not_matches", "text", "there, and the expression finds nothing"},
			{"in_list", "a name", "in a named list"},
			{"not_in_list", "a name", "there, and not in it"},
			{"exists", "true, false", "there and not empty, or not"},
		},
	},
	{"anchor", "replenishment: {anchor: …}", "", []key{
		{"event", "an event type", "required"},
		{"where", "conditions", "only events that fulfil them"},
		{"pick", "last, first", "which one counts; last if left out"},
		{"ignore", "list", "machines whose events do not count"},
	}},
	{"lifetime", "replenishment: {lifetime: …}", "", []key{
		{"mean", "a length of time", "how long they last on average, 1d to 50y; required"},
		{"cv", "a number", "the spread beside the mean, 0.05 (all wear out alike) to 1 (age says nothing); required"},
		{"family", "gamma, weibull", "how lives spread around the mean: gamma if left out; with weibull more of them end early, and few last much longer"},
		{"learn", "a map", "learn mean and cv from repurchases: kept on the card for whoever learns"},
	}},
	{"learn", "lifetime: {learn: …}", "", []key{
		{"per", "a property", "each of its values has a life of its own"},
		{"min_repurchases", "a whole number", "how many before what is learned counts; 30 if left out"},
	}},
	{"spend", "btyd: {spend: …}", "By Gamma-Gamma, from the values of all purchases after the first day's.", []key{
		{"value", "a property", "a purchase's value; value if left out. In hundredths, rounded half up"},
		{"p", "a number", "required"},
		{"q", "a number", "above 1; required"},
		{"v", "a number", "required"},
	}},
	{"a gate", "gates: […]", "Gates bound the combined value before the scale, whatever the points say.", []key{
		{"id", "a name", "of its reason gate:ID; its number if left out"},
		{"when", "conditions, or an expression", "on attributes; an expression may also ask dimensions and the past; required"},
		{"max", "points", "the most the combined value can be"},
		{"skip", "true", "the lead is not scored by this card at all"},
		{"why", "text", "words of the reason, with {points}"},
	}},
	{"score", "score: …", "", []key{
		{"combine", "sum, weighted, max, grade, model", "the sum of times × dimension (sum and weighted alike), the largest of them, what the grade is worth, or one model's dimension"},
		{"of", "list", "which dimensions count; each once if left out"},
		{"table", "grade: points", "under grade: what each grade is worth"},
		{"scale", "a map", "from dimension points to the score shown"},
	}},
	{"a term of the score", "of: […]", "", []key{
		{"dimension", "a name", "required"},
		{"times", "a number", "its weight; 1 if left out"},
	}},
	{"scale", "score: {scale: …}", "The score is rounded half up.", []key{
		{"from", "[number, number]", "[0, 100] if left out"},
		{"to", "[number, number]", "within 0 and 100; [1, 100] if left out"},
	}},
	{"a band", "bands: […]", "", []key{
		{"name", "a name", "required"},
		{"from", "a whole number", "the score that enters it; required"},
		{"leave", "a whole number", "the score below which it is left; from, if left out. Lower is hysteresis"},
		{"require", "a map", "what else must hold"},
		{"people", "a whole number", "how many people whom a learned card had not seen it put into this band"},
		{"converted", "a whole number", "how many of them converted"},
	}},
	{"probability", "probability: …", "How probable it is that a lead with a score converts, shown beside the score: what became of people whom the card had not seen.", []key{
		{"of", "text", "what is probable, in your words"},
		{"at", "list of [score, probability]", "in straight lines between, level beyond; neither ever falls; required"},
	}},
	{"require", "a band: {require: …}", "", []key{{"grade", "list", "one of these grades"}}},
	{"an action", "on_band: {BAND: […]}", "One of handoff, journey, audience, notify. A handoff hands the lead to sales once it is known who it is; a journey begins for it then, if one of that name is in force; notify tells a webhook of that name, once for each entry of somebody who is known, and nobody has to take it. An audience is kept by nobody yet: the check of the card says so.", []key{
		{"handoff", "a name", "hand the lead over to this sink, to whom its attribute owner says if it has one: a journey that hands over may set it before"},
		{"queue", "a name", "of a handoff"},
		{"sla", "a length of time", "of a handoff: when somebody must have taken it"},
		{"journey", "a name", "begin it"},
		{"audience", "a name", "join it; nothing is done yet, ripen scorecard check says so"},
		{"notify", "a name", "tell the webhook of that name: ripen webhook create owner URL, with --shape slack for a chat"},
		{"when", "an expression", "only if this holds of the dimensions"},
	}},
	{"rollup", "rollup: …", "", []key{
		{"to", "account, company", "what leads make up"},
		{"by", "an attribute", "leads with the same value belong together; required"},
		{"of", "a card", "of a card of accounts: by which leads stand; the one that leads are ranked by if left out"},
		{"score", "a map", "how"},
	}},
	{"a label", "label: …", "An event, or an attribute that is set, within a time from the moment of the score. What becomes of hand-offs are events, too: won, lost, handoff_accepted.", []key{
		{"event", "an event type", "that is to come"},
		{"where", "conditions", "only events that fulfil them"},
		{"when", "conditions", "instead of event: on attributes, from when an event sets them"},
		{"within", "a length of time", "required"},
	}},
	{
		"a plan to learn", "learn: …",
		"When the server learns the card anew from the log, as `ripen train --name CARD` does, and what it does with the challenger. One that looks better on the latest moments (best tenth and Brier both) becomes the draft, is simulated, runs as a shadow, and is put in force or waits for you. `ripen train list` tells of each. Too few conversions, an attribute that looks written afterwards, a changed population, a draft of your own or too many leads that would change band stop it.",
		[]key{
			{"every", "a length of time", "since it was learned last, by the server or by hand; at least 1h"},
			{"new", "a share in %", "of all conversions before, that came since, and 10 at least: 10% is a tenth more. One of every and new is required"},
			{"publish", "ask, if_better", "what becomes of a better one; ask if left out, and always where the card in force has what the learned one cannot take over: gates or on_band that ask for points of dimensions, a band that requires a grade, or rollup"},
			{"shadow", "a length of time", "how long it runs beside the card in force before that is decided; 1d if left out"},
			{"moves", "a share in %", "the most leads that may change band; 20% if left out"},
			{"by", "received, time", "when an event was known; received if left out. time is for histories that were imported"},
			{"seed", "a whole number", "of what is drawn; 1 if left out"},
			{"drop", "list", "attributes, behaviours and event types not to learn from"},
			{"constrain", "list", "what points must keep to, as in visits=rising"},
		},
	},
	{"the score of a rollup", "rollup: {score: …}", "", []key{
		{"top", "a whole number", "how many of the best leads count; all if left out"},
		{"method", "decay_sum, max, mean", "decay_sum (if left out): the best whole, each further one half as much as the one before, 100 at most"},
	}},
}
