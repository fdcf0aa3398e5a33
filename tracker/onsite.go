package tracker

// The types of the events that on-site messages tell. Each carries the property
// message, which names one showing, and template, as name@version.
const (
	OnsiteShown    = "onsite_shown"
	OnsiteClicked  = "onsite_clicked"  // its button was pressed, or a link in it
	OnsiteClosed   = "onsite_closed"   // without an answer
	SurveyOpened   = "survey_opened"   // the first answer is being given
	SurveyAnswered = "survey_answered" // survey, question, answer
	ChatOpened     = "chat_opened"     // by the person
	ChatAnswered   = "chat_answered"   // a choice: chat, step, answer
	ChatMessage    = "chat_message"    // in the person's own words: chat, step, text
	ChatHandoff    = "chat_handoff"    // wants to talk to somebody: chat, queue
)

// OnsiteTally counts what became of one version of an on-site message. Showings
// and answers of people of whom nothing may be known are counted, too.
type OnsiteTally struct {
	Shown    int                       `json:"shown"`
	Opened   int                       `json:"opened"`   // surveys begun, chats opened
	Answered int                       `json:"answered"` // buttons pressed, questions and steps answered
	Closed   int                       `json:"closed"`
	Handoffs int                       `json:"handoffs"`
	Answers  map[string]map[string]int `json:"answers"` // :: question or step → choice → times
}

// OnsiteWaiting is a message that a journey has put in wait for somebody.
type OnsiteWaiting struct {
	ID   string // names its one showing
	Name string // of the message
	At   int64  // unix ms
}
