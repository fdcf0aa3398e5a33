package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
)

// setting is one row of the one table of settings. A setting is a flag, its
// environment twin and, for some, a line of the config file, all under the
// same name.
type setting struct {
	name    string // of the flag; also of the line in the config file
	kind    kind
	value   string // what the value stands for in help: DIR, ADDR, …
	def     string // default, as a flag would give it
	inFile  bool   // may stand in the config file
	envOnly bool   // a secret: process lists show flags, so it has none
	help    text
}

// env is the setting's environment twin.
func (s *setting) env() string {
	return "RIPEN_" + strings.ToUpper(strings.ReplaceAll(s.name, "-", "_"))
}

// check says whether v is a value of the setting's kind.
func (s *setting) check(v string) error {
	var err error
	switch s.kind {
	case boolean:
		_, err = strconv.ParseBool(v)
	case number:
		_, err = strconv.ParseUint(v, 10, 63)
	case duration:
		_, err = time.ParseDuration(v)
	case size:
		_, err = parseSize(v)
	case period:
		_, err = parsePeriod(v)
	case instant:
		_, err = parseTime(v)
	case word:
	}
	if err != nil {
		return fmt.Errorf("%q is not %s", v, s.kind)
	}
	return nil
}

// kind is the type of a setting's value.
type kind byte

// The kinds.
const (
	word kind = iota
	boolean
	number
	duration
	size
	instant
	period
)

// String returns the kind as an error names it.
func (k kind) String() string {
	return [...]string{"a word", "true or false", "a whole number", "a duration like 10s or 5m", "a size like 512MB", "a time like 2026-01-31 or 2026-01-31T12:00:00Z", "a length of time like 13mo, 400d or 0"}[k]
}

// parseSize reads a number of bytes with an optional unit of 1024.
func parseSize(s string) (int64, error) {
	if s == "" {
		return 0, nil
	}
	units := []struct {
		name  string
		shift uint
	}{{"KB", 10}, {"MB", 20}, {"GB", 30}, {"TB", 40}, {"B", 0}}
	for _, u := range units {
		if n, ok := strings.CutSuffix(strings.ToUpper(s), u.name); ok {
			v, err := strconv.ParseInt(strings.TrimSpace(n), 10, 32)
			return v << u.shift, err
		}
	}
	return strconv.ParseInt(s, 10, 64)
}

// parsePeriod reads a long time: a whole number of days (d), weeks (w), months
// (mo, 30.4375 days) or years (y, 365.25 days); or 0.
func parsePeriod(s string) (time.Duration, error) {
	if s == "0" || s == "" {
		return 0, nil
	}
	const day = 24 * time.Hour
	for _, u := range []struct {
		name string
		is   time.Duration
	}{{"mo", 2629800 * time.Second}, {"y", 12 * 2629800 * time.Second}, {"w", 7 * day}, {"d", day}} {
		if n, ok := strings.CutSuffix(s, u.name); ok {
			v, err := strconv.ParseUint(n, 10, 13)
			if err == nil && time.Duration(v) > 250*365*day/u.is {
				err = strconv.ErrRange
			}
			return time.Duration(v) * u.is, err
		}
	}
	return 0, strconv.ErrSyntax
}

// parseTime reads an instant: a day (00:00 UTC), or RFC 3339.
func parseTime(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.DateOnly, s); err == nil {
		return t, nil
	}
	return time.Parse(time.RFC3339Nano, s)
}

// findSetting returns the row of the table with this name.
func findSetting(name string) *setting {
	i := slices.IndexFunc(settings, func(s setting) bool { return s.name == name })
	if i < 0 {
		panic("BUG: no setting " + name)
	}
	return &settings[i]
}

// values are the settings of one command line, resolved: config file <
// environment < flags.
type values struct {
	m    map[string]string   // :: setting → value
	from map[string]string   // :: setting → where the value comes from, if not the default
	use  map[string]struct{} // :: settings the command takes
}

func (v *values) get(name string) string {
	if _, ok := v.use[name]; !ok {
		panic("BUG: the command does not list the setting " + name)
	}
	return v.m[name]
}

func (v *values) set(name string) bool  { return v.from[name] != "" }
func (v *values) bool(name string) bool { b, _ := strconv.ParseBool(v.get(name)); return b }
func (v *values) int(name string) int64 { n, _ := strconv.ParseInt(v.get(name), 10, 64); return n }
func (v *values) size(name string) int64 {
	n, _ := parseSize(v.get(name))
	return n
}

func (v *values) duration(name string) time.Duration {
	d, _ := time.ParseDuration(v.get(name))
	return d
}

func (v *values) period(name string) time.Duration {
	d, _ := parsePeriod(v.get(name))
	return d
}

func (v *values) time(name string) time.Time {
	t, _ := parseTime(v.get(name))
	return t
}

// assign gives a setting a value after checking it.
func (v *values) assign(s *setting, value, from string) error {
	if err := s.check(value); err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	v.m[s.name], v.from[s.name] = value, from
	return nil
}

// resolve reads the settings of a command from args, the environment and the
// config file, and returns what is left of args. Flags may stand before,
// between and behind the arguments; "--" ends them.
func resolve(names, args []string) (*values, []string, error) {
	flags, given := newFlagSet(names)
	var rest []string
	for len(args) > 0 {
		if err := flags.Parse(args); err != nil {
			return nil, nil, err
		}
		left := flags.Args()
		if n := len(args) - len(left); n > 0 && args[n-1] == "--" {
			rest = append(rest, left...)
			break
		}
		if len(left) == 0 {
			break
		}
		rest, args = append(rest, left[0]), left[1:]
	}
	v, err := layer(names, given)
	return v, rest, err
}

// newFlagSet makes the flags of the named settings; given receives the values
// that stand on the command line.
func newFlagSet(names []string) (flags *flag.FlagSet, given map[string]string) {
	flags = flag.NewFlagSet("ripen", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Usage = func() {}
	given = map[string]string{}
	for _, name := range names {
		s := findSetting(name)
		if s.envOnly {
			continue
		}
		record := func(v string) error { given[name] = v; return nil }
		if s.kind == boolean {
			flags.BoolFunc(name, "", record)
		} else {
			flags.Func(name, "", record)
		}
		if name == "out" {
			flags.Func("o", "", record)
		}
	}
	return flags, given
}

// layer puts default, config file, environment and flags on top of each other.
func layer(names []string, given map[string]string) (*values, error) {
	v := &values{m: map[string]string{}, from: map[string]string{}, use: map[string]struct{}{}}
	for _, name := range names {
		v.use[name] = struct{}{}
		v.m[name] = findSetting(name).def
	}
	if slices.Contains(names, "config") {
		file := given["config"]
		if file == "" {
			file = os.Getenv(findSetting("config").env())
		}
		if err := v.readFile(file); err != nil {
			return nil, err
		}
	}
	for _, name := range names {
		s := findSetting(name)
		if e := os.Getenv(s.env()); e != "" {
			if err := v.assign(s, e, s.env()); err != nil {
				return nil, err
			}
		}
		if g, ok := given[name]; ok {
			if err := v.assign(s, g, "--"+name); err != nil {
				return nil, err
			}
		}
	}
	return v, nil
}

// readFile reads the config file: a flat YAML map from setting to value. A
// name that no setting has is refused, so that a slip of the pen is not
// silently a default; one that another command takes is passed over.
func (v *values) readFile(file string) error {
	if file == "" {
		return nil
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("read config: %w", err)
	}
	var lines yaml.MapSlice
	if err := yaml.UnmarshalWithOptions(b, &lines, yaml.UseOrderedMap()); err != nil {
		return fmt.Errorf("config %s: %s", file, yaml.FormatError(err, false, false))
	}
	for _, line := range lines {
		name := fmt.Sprint(line.Key)
		i := slices.IndexFunc(settings, func(s setting) bool { return s.name == name && s.inFile })
		if i < 0 {
			return fmt.Errorf("config %s: no setting %q: 'ripen help config' lists them", file, name)
		}
		if _, used := v.use[name]; !used || line.Value == nil { // a name alone says nothing
			continue
		}
		if k := reflect.TypeOf(line.Value).Kind(); k == reflect.Slice || k == reflect.Map {
			return fmt.Errorf("config %s: %s: need one value on the line; what holds several has commas", file, name)
		}
		if err := v.assign(&settings[i], fmt.Sprint(line.Value), "config "+file+": "+name); err != nil {
			return err
		}
	}
	return nil
}
