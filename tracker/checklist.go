package tracker

import (
	"fmt"
	"strings"
)

// The steps of setting a tenant up, in their order.
const (
	CheckData     = "data"
	CheckCriteria = "criteria"
	CheckPoints   = "points"
	CheckActions  = "actions"
)

// CheckSteps are what the steps are called, by step.
var CheckSteps = map[string]Words{
	CheckData: {"data", "datos"}, CheckCriteria: {"criteria", "criterios"}, CheckPoints: {"points", "puntos"}, CheckActions: {"actions", "acciones"},
}

// Check is one thing that must hold before a tenant goes live.
type Check struct {
	Step string // CheckData, …
	Name Words  // what is looked at; of what is missing, what is
	OK   bool
	Fix  Words // what to do where it does not hold
}

// Words are a sentence in the languages of those who read it.
type Words struct{ EN, ES string } // without ES: a command, or a name, which is the same in both

// In returns the sentence in a language, which is "es" or another.
func (w Words) In(lang string) string {
	if lang == "es" && w.ES != "" {
		return w.ES
	}
	return w.EN
}

// NotReady is the refusal to go live half-defined: it names each check that does not
// hold and its fix. It is nil if all do.
func NotReady(list []Check) error {
	var missing, falta []string
	for _, c := range list {
		if !c.OK {
			missing = append(missing, fmt.Sprintf("%s, %s: %s", c.Step, c.Name.EN, c.Fix.EN))
			falta = append(falta, fmt.Sprintf("%s, %s: %s", CheckSteps[c.Step].In("es"), c.Name.In("es"), c.Fix.In("es")))
		}
	}
	if missing == nil {
		return nil
	}
	return &Error{
		Kind: KindConflict, Code: "not_ready", Detail: "set-up is not finished: " + strings.Join(missing, "; ") + " ('ripen checklist' shows all)",
		ES: "la preparación no está completa; falta " + strings.Join(falta, "; ") + " ('ripen checklist' lo enseña todo)",
	}
}
