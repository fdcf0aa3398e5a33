package fold

import (
	"encoding/binary"
	"testing"

	"ripen/storage"
	"ripen/tracker"
)

// TestCopies holds an event that sets attributes, and no other, to be filed with a
// copy of its sealed part that opens as the log's does, before and after a checkpoint.
func TestCopies(t *testing.T) {
	db, err := storage.Open(t.TempDir(), storage.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	tenant, visitor := storage.Tenant{3}, tracker.Hash{7, 1}
	id := tracker.LeadID{Kind: tracker.VisitorIdentity, Hash: visitor}
	var recs []storage.Record
	for i, typ := range []string{"identify", "page_view", "group"} {
		e := tracker.Event{Type: []byte(typ), Time: int64(1000 + i), MessageID: []byte{byte(i)}, Visitor: visitor}
		recs = append(recs, storage.Record{
			Tenant: tenant, Kind: storage.KindEvent, ID: []byte{byte(i)}, Row: tracker.AppendRow(nil, &e),
			Subject: storage.Subject(appendID(nil, id)), Personal: []byte("personal of " + typ),
		})
	}
	if err := db.Log().Append(t.Context(), 0, recs); err != nil {
		t.Fatal(err)
	}
	f, err := New(Config{Table: db.Leads(), NewBody: func(tracker.TenantID, tracker.LeadID, []byte) (Body, error) { return noBody{}, nil }})
	if err != nil {
		t.Fatal(err)
	}
	err = db.Log().Read(t.Context(), 0, 1, func(recs []storage.Record) error {
		_, err := f.Apply(recs, recs[0].Received)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	check := func() {
		t.Helper()
		l, err := f.Lead(tracker.TenantID(tenant), id)
		if err != nil || l == nil {
			t.Fatalf("the lead is %v, %v", l, err)
		}
		es, err := f.Timeline(nil, l, Place{})
		if err != nil || len(es) != 3 {
			t.Fatalf("%d entries, %v", len(es), err)
		}
		for i, n := range es {
			if i == 1 {
				if !n.Personal || len(n.Sealed) > 0 {
					t.Errorf("a page view has a copy of %d bytes", len(n.Sealed))
				}
				continue
			}
			got, err := db.UnsealCopy(nil, n.Sealed, tenant, storage.Subject(appendID(nil, n.Subject)), n.Seq)
			if err != nil || string(got) != string(recs[i].Personal) {
				t.Errorf("entry %d opens as %q, %v", i, got, err)
			}
		}
	}
	check()
	checkpoint(t, f, db)
	check()
}

// TestPartVersions reads a part as it was written before there were copies, and
// refuses one of a version to come.
func TestPartVersions(t *testing.T) {
	e := tracker.Event{Type: []byte("identify"), Time: 5, MessageID: []byte("m")}
	row := tracker.AppendRow(nil, &e)
	entry := append(binary.AppendVarint(binary.AppendUvarint(nil, 9), 6), 1)
	entry = append(entry, row...)
	part := append(binary.AppendUvarint([]byte{1}, uint64(len(entry))), entry...)
	seen := 0
	read := func(b []byte) error {
		n, err := readEntry(b, tracker.LeadID{}, &e)
		if err != nil || n.Seq != 9 || n.Received != 6 || !n.Personal || n.Sealed != nil || string(n.Row) != string(row) {
			t.Errorf("read %+v, %v", n, err)
		}
		seen++
		return err
	}
	if err := eachEntry(part, read); err != nil || seen != 1 {
		t.Fatalf("%d entries, %v", seen, err)
	}
	for _, v := range []byte{0, partVersion + 1} {
		part[0] = v
		if err := eachEntry(part, read); err == nil {
			t.Errorf("a part of version %d was read", v)
		}
	}
}
