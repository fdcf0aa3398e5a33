package mail

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"ripen/tracker"
)

// question is what a mail asks: one thing, answered by following the address of
// an answer, {{ answer.VALUE }}.
type question struct {
	ID        string            `yaml:"id"`
	Ask       string            `yaml:"ask"`
	Attribute string            `yaml:"attribute"` // that the answer becomes; empty = none
	Choices   map[string]string `yaml:"choices"`   // :: value → as people read it
}

// answerField begins the placeholders of answers.
const answerField = "answer."

// Limits of a question: its words travel in the address of each answer.
const (
	maxChoices = 11 // 0 to 10
	maxAsk     = 300
	maxLabel   = 100
)

func (q *question) check() error {
	switch {
	case !isSlug.MatchString(q.ID):
		return invalid("question.id", "need a name of a-z, 0-9, - and _, like use")
	case strings.TrimSpace(q.Ask) == "" || len(q.Ask) > maxAsk:
		return invalid("question.ask", fmt.Sprintf("need the question as people read it, of at most %d bytes", maxAsk))
	case q.Attribute != "" && !fieldName.MatchString(q.Attribute):
		return invalid("question.attribute", fmt.Sprintf("%q is no name of an attribute", q.Attribute))
	case slices.Contains([]string{"email", "consent", "user_id"}, q.Attribute):
		return invalid("question.attribute", "an answer cannot become "+q.Attribute+": who somebody is, and what they allow, is not asked so")
	case len(q.Choices) < 2 || len(q.Choices) > maxChoices:
		return invalid("question.choices", fmt.Sprintf("need 2 to %d, as in {home: At home, office: At the office}", maxChoices))
	}
	for _, v := range slices.Sorted(maps.Keys(q.Choices)) {
		if label := q.Choices[v]; !isSlug.MatchString(v) || strings.TrimSpace(label) == "" || len(label) > maxLabel {
			return invalid("question.choices."+v, fmt.Sprintf("need a value of a-z, 0-9, - and _, and what people read, of at most %d bytes", maxLabel))
		}
	}
	return nil
}

// asked says that some words lead to each answer of the mail's question and to no
// other.
func (q *question) asked(at string, list []piece) error {
	found := map[string]bool{}
	for _, p := range list {
		v, is := strings.CutPrefix(p.field, answerField)
		switch {
		case !is:
		case q == nil || q.Choices[v] == "":
			return invalid(at, fmt.Sprintf("{{ %s }}: question.choices has no %s", p.field, v))
		default:
			found[v] = true
		}
	}
	if q == nil {
		return nil
	}
	for _, v := range slices.Sorted(maps.Keys(q.Choices)) {
		if !found[v] {
			return invalid(at, fmt.Sprintf("nothing leads to the answer %s: write {{ %s%s }} where its address is to stand", v, answerField, v))
		}
	}
	return nil
}

// answers are the addresses of a question's answers, by placeholder.
func (q *question) answers(survey string, mint func(a tracker.MailAnswer) (string, error), fixed map[string]string) error {
	if q == nil {
		return nil
	}
	for v, label := range q.Choices {
		u, err := mint(tracker.MailAnswer{Survey: survey, Question: q.ID, Attribute: q.Attribute, Value: v, Ask: q.Ask, Label: label})
		if err != nil {
			return fmt.Errorf("the answer %s: %w", v, err)
		}
		fixed[answerField+v] = u
	}
	return nil
}
