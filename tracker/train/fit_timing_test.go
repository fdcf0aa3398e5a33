package train

import "testing"

// The fits that the bars of the bench are about, on a file of 45,000 rows.

func BenchmarkFitCard(b *testing.B) {
	table := benchTable(b)
	for b.Loop() {
		fitCard(table, table.allRows(), planFor(5000, nil))
	}
}

func BenchmarkFitTrees(b *testing.B) {
	table := benchTable(b)
	for b.Loop() {
		fitBoost(table, table.allRows(), 1)
	}
}

func benchTable(b *testing.B) *Table {
	b.ReportAllocs()
	return read(b, sampleText(b, "bank-full.csv"), Options{Label: "y", Drop: []string{"duration"}})
}
