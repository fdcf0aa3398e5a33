package export

import "strings"

// Routes lists the calls of the API for tests of the whole house: method, path
// with * for a name, and whether the call is the operator's alone.
func Routes() (list []struct {
	Method, Path string
	Operator     bool
},
) {
	for _, r := range routes {
		list = append(list, struct {
			Method, Path string
			Operator     bool
		}{r.method, "/v1/" + r.path, strings.HasPrefix(r.path, "admin/")})
	}
	return list
}
