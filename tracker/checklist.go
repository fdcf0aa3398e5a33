package tracker

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
	Name string // what is looked at
	OK   bool
	Fix  string // what to do where it does not hold
}
