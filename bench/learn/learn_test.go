package learn

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// TestOne makes both fits of a part of the file.
func TestOne(t *testing.T) {
	all := people()
	file := filepath.Join(t.TempDir(), "people.csv")
	if err := os.WriteFile(file, all[:bytes.LastIndexByte(all[:len(all)/10], '\n')+1], 0o600); err != nil {
		t.Fatal(err)
	}
	for _, model := range []string{"card", "trees"} {
		f, err := One(file, model)
		if err != nil || f.AUC < .6 || f.AUC > .9999 || f.CPU <= 0 || f.Peak <= 0 {
			t.Errorf("%s: %+v %v", model, f, err)
		}
	}
	if _, err := One(file, "magic"); err == nil {
		t.Error("there is a model called magic")
	}
}
