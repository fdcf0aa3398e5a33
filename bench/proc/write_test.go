package proc

import (
	"os"
	"testing"
)

func TestMeasureWrites(t *testing.T) {
	dir := t.TempDir()
	c, err := MeasureWrites(dir)
	if err != nil || c.Mapped <= 0 || c.Plain <= 0 {
		t.Fatalf("%+v, %v", c, err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Fatalf("%d files are left, %v", len(left), err)
	}
}
