package suite

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// Missed is how many figures were measured and miss their bar.
func (r *Report) Missed() int {
	n := 0
	for i := range r.Figures {
		if r.Figures[i].Verdict() == "MISSED" {
			n++
		}
	}
	return n
}

// Print writes the tables for a reader: the figures, then the cells they come from.
func (r *Report) Print(w io.Writer) error {
	fmt.Fprintf(w, "\nRipen bench, %s, %.0f s\n%s\n\n", r.Begun.UTC().Format("2006-01-02 15:04 UTC"), r.Seconds, r.Machine)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "figure\treach\tstretch\tmeasured\tverdict\tnote")
	for i := range r.Figures {
		f := &r.Figures[i]
		measured := "–"
		if f.Known {
			measured = f.value(f.Measured)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", f.Name, f.bar(f.Reach), f.bar(f.Stretch), measured, f.Verdict(), oneLine(f.Note))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if err := r.printCells(w); err != nil {
		return err
	}
	for _, n := range r.Notes {
		fmt.Fprintf(w, "\nNOTE: %s", oneLine(n))
	}
	_, err := fmt.Fprintln(w)
	return err
}

func (r *Report) printCells(w io.Writer) error {
	if len(r.Cells) == 0 {
		return nil
	}
	fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "round\tserver\tcase\treq/s\tev/s\tserver µs/ev\tclient µs/ev\tp50 ms\tp99 ms\tp999 ms\tlag p99 ms\tshed\t")
	for i := range r.Cells {
		c := &r.Cells[i]
		fmt.Fprintf(t, "%d\t%s\t%s\t%.0f\t%.0f\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t%.0f\t%d\t\n",
			c.Round, c.Server, c.Case, c.Requests, c.Events, c.CPU, c.Client, c.P50, c.P99, c.P999, c.LagP99, c.Shed)
	}
	return t.Flush()
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
