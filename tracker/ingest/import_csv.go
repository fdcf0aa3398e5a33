package ingest

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"ripen/tracker"
)

// CSVOptions are the options of [CSV].
type CSVOptions struct {
	ImportOptions
	Comma rune // 0 is a comma
	// Map says what columns are: userId, anonymousId, timestamp, traits.NAME,
	// properties.NAME, or - to leave one out. A column it does not name is
	// userId, anonymousId, timestamp or traits.email if its header says so
	// (user_id, Email, …), else a trait, or with Event a property, under its
	// header in snake case.
	Map map[string]string
	// Event makes each row a track call of this name instead of an identify.
	Event string
}

// CSV reads a table whose first line names its columns. Each row identifies a
// person, or with Event is something a person did. Cells that look like JSON
// numbers are numbers, true and false are truth values, empty cells are
// nothing.
//
// A row is dropped as malformed (not CSV, or not as many cells as the header)
// invalid_utf8 or missing_identity. A column in Map that the table does not have, or that is
// to be what none can be, is an error, before anything is sent.
func CSV(r io.Reader, o CSVOptions, post func(Batch) error) (Tally, error) {
	im := newImporter(o.ImportOptions, post)
	cr := csv.NewReader(r)
	cr.FieldsPerRecord, cr.ReuseRecord, cr.LazyQuotes = -1, true, true
	if o.Comma != 0 {
		cr.Comma = o.Comma
	}
	header, err := cr.Read()
	if err != nil {
		return im.tally, fmt.Errorf("read the header: %w", err)
	}
	if slices.ContainsFunc(header, notUTF8) {
		return im.tally, errors.New("the head line is not UTF-8: convert the file, as in iconv -f WINDOWS-1252 -t UTF-8")
	}
	columns, err := o.columns(header)
	if err != nil {
		return im.tally, err
	}
	for n := 1; ; n++ {
		cells, err := cr.Read()
		if errors.Is(err, io.EOF) {
			return im.tally, im.flush()
		}
		if _, syntax := errors.AsType[*csv.ParseError](err); err != nil && !syntax {
			return im.tally, fmt.Errorf("read row %d: %w", n, err)
		}
		if n <= o.After {
			continue
		}
		if im.line++; err == nil { // what is no CSV stands behind the row before
			im.line, _ = cr.FieldPos(0)
		}
		im.tally.Lines++
		switch {
		case err != nil || len(cells) != len(columns):
			im.drop("malformed")
		case slices.ContainsFunc(cells, notUTF8): // JSON would put U+FFFD in place of what it said, for ever
			im.drop(tracker.CodeInvalidUTF8)
		default:
			im.row(&o, n, columns, cells)
		}
		if err := im.full(n); err != nil {
			return im.tally, err
		}
	}
}

// columns says what each column is.
func (o *CSVOptions) columns(header []string) ([]string, error) {
	out := make([]string, len(header))
	header[0] = strings.TrimPrefix(header[0], "\ufeff")
	for name, to := range o.Map {
		if !isPlace(to) {
			return nil, fmt.Errorf("a column cannot be %q: it is userId, anonymousId, timestamp, traits.NAME, properties.NAME or -", to)
		}
		if !slices.Contains(header, name) {
			return nil, fmt.Errorf("the table has no column %q: it has %s", name, strings.Join(header, ", "))
		}
	}
	for i, name := range header {
		if to, ok := o.Map[name]; ok {
			out[i] = to
			continue
		}
		snake := string(tracker.AppendSnake(nil, []byte(name)))
		switch snake {
		case "user_id", "userid":
			out[i] = "userId"
		case "anonymous_id":
			out[i] = "anonymousId"
		case "timestamp":
			out[i] = "timestamp"
		case "email", "e_mail", "email_address":
			out[i] = "traits.email"
		case "":
			out[i] = "-"
		default:
			out[i] = "traits." + snake
			if o.Event != "" {
				out[i] = "properties." + snake
			}
		}
	}
	return out, nil
}

func notUTF8(s string) bool { return !utf8.ValidString(s) }

// isPlace says whether a column may go there.
func isPlace(to string) bool {
	kind, name, named := strings.Cut(to, ".")
	if named {
		return (kind == "traits" || kind == "properties") && name != ""
	}
	return slices.Contains([]string{"userId", "anonymousId", "timestamp", "-"}, to)
}

// row makes the event of a row.
func (im *importer) row(o *CSVOptions, n int, columns, cells []string) {
	e := &importEvent{
		Type: "identify", MessageID: lineID(n, []byte(strings.Join(cells, "\x1f"))),
		Properties: map[string]any{}, Traits: map[string]any{},
	}
	if o.Event != "" {
		e.Type, e.Event = "track", o.Event
	}
	for i, to := range columns {
		cell := strings.TrimSpace(cells[i])
		if cell == "" {
			continue
		}
		switch to {
		case "-":
		case "userId":
			e.UserID = cell
		case "anonymousId":
			e.AnonymousID = cell
		case "timestamp":
			e.Timestamp = cell
		default:
			if name, ok := strings.CutPrefix(to, "properties."); ok {
				e.Properties[name] = cellValue(cell)
			} else {
				e.Traits[strings.TrimPrefix(to, "traits.")] = cellValue(cell)
			}
		}
	}
	email, _ := e.Traits["email"].(string)
	if isNobody([]byte(e.UserID)) && isNobody([]byte(e.AnonymousID)) && (o.Event != "" || !isMailbox([]byte(email)) || len(email) > tracker.MaxID) {
		im.drop(tracker.CodeMissingID)
		return
	}
	im.addEvent(e)
}

// cellValue gives a cell the type it looks like.
func cellValue(cell string) any {
	if n, _ := numberLen([]byte(cell)); n > 0 && n == len(cell) {
		return json.Number(cell)
	}
	switch cell {
	case "true", "TRUE", "True":
		return true
	case "false", "FALSE", "False":
		return false
	}
	return cell
}
