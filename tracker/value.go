package tracker

import (
	"encoding/json"
	"math"
)

// Any returns a value as encoding/json would decode it, numbers with all their
// digits. What it returns does not alias Str.
func (v Value) Any() any {
	switch v.Tag {
	case False, True:
		return v.Tag == True
	case Int:
		return int64(v.Num)
	case Float:
		return math.Float64frombits(v.Num)
	case Number:
		return json.Number(v.Str)
	case JSON:
		return json.RawMessage(append([]byte(nil), v.Str...))
	case String:
		return string(v.Str)
	}
	return nil
}
