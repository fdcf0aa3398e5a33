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

// Check is one thing that must hold before a tenant goes live.
type Check struct {
	Step string // CheckData, …
	Name string // what is looked at; of what is missing, what is
	OK   bool
	Fix  string // what to do where it does not hold
}

// NotReady is the refusal to go live half-defined: it names each check that does not
// hold and its fix. It is nil if all do.
func NotReady(list []Check) error {
	var missing []string
	for _, c := range list {
		if !c.OK {
			missing = append(missing, fmt.Sprintf("%s, %s: %s", c.Step, c.Name, c.Fix))
		}
	}
	if missing == nil {
		return nil
	}
	return &Error{Kind: KindConflict, Code: "not_ready", Detail: "set-up is not finished: " + strings.Join(missing, "; ") + " ('ripen checklist' shows all)"}
}
