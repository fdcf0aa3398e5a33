package loyalty

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// data returns a file of the public data sets; it skips the test, saying so, where
// they are not.
func data(t *testing.T, name string) []byte {
	t.Helper()
	dir := os.Getenv("RIPEN_DATA")
	if dir == "" {
		t.Skipf("SKIPPED: RIPEN_DATA is not set: %s is not read", name)
	}
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func day(t *testing.T, s string) int {
	t.Helper()
	at, err := time.Parse("20060102", s)
	if err != nil {
		t.Fatal(err)
	}
	return int(at.Unix() / 86400)
}

// cdnow reads the purchases of the CDNOW sample.
func cdnow(t *testing.T) (lines []Purchase) {
	t.Helper()
	for s := bufio.NewScanner(bytes.NewReader(data(t, "CDNOW_sample.txt"))); s.Scan(); {
		f := strings.Fields(s.Text())
		if len(f) != 5 {
			t.Fatalf("line %q", s.Text())
		}
		value, err := strconv.ParseFloat(f[4], 64)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, Purchase{Customer: f[1], Day: day(t, f[2]), Value: value})
	}
	return lines
}

// published reads what the note's authors made of the sample: weeks to two digits.
func published(t *testing.T) (out []Buyer) {
	t.Helper()
	rows, err := csv.NewReader(bytes.NewReader(data(t, "cdnow_customers_summary_with_transactions.csv"))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	num := func(s string) float64 {
		v, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, r := range rows[1:] {
		out = append(out, Buyer{ID: r[0], Repeats: int(num(r[1])), Last: num(r[2]), Age: num(r[3]), Mean: num(r[4])})
	}
	return out
}

// fits are the models of the published sample, fitted once.
var fits sync.Map // :: Kind → *Model

func fitted(t *testing.T, kind Kind) *Model {
	t.Helper()
	if m, ok := fits.Load(kind); ok {
		return m.(*Model)
	}
	m, err := Fit(kind, published(t))
	if err != nil {
		t.Fatal(err)
	}
	fits.Store(kind, m)
	return m
}

func near(t *testing.T, what string, got, want, within float64) {
	t.Helper()
	if !(math.Abs(got-want) <= within) {
		t.Errorf("%s = %.10g, want %.10g ± %g", what, got, want, within)
	}
}

const threeDigits, fourDigits = 0.0005001, 0.00005001

func TestBG(t *testing.T) {
	m := fitted(t, BG)
	if m.LogLik < -9582.43 {
		t.Errorf("log likelihood = %.4f, want −9582.43 or better", m.LogLik)
	}
	near(t, "r", m.R, 0.242593, threeDigits)
	near(t, "alpha", m.Alpha, 4.413531, threeDigits)
	near(t, "a", m.A, 0.792886, threeDigits)
	near(t, "b", m.B, 2.425753, threeDigits)
	for _, c := range []struct{ t, want float64 }{{0.1429, 0.0078}, {1, 0.0532}, {3, 0.1506}, {31.8571, 1.0405}, {32, 1.0437}, {78, 1.8580}} {
		near(t, "E[X("+strconv.FormatFloat(c.t, 'g', -1, 64)+")]", m.ExpectNew(c.t), c.want, fourDigits)
	}
	for _, c := range []struct {
		x           int
		last, age   float64
		want, alive float64
	}{
		{2, 30.43, 38.86, 1.2259, 0.7266},
		{0, 0, 38.86, 0.1948, 1},
		{1, 1.71, 38.86, 0.2033, 0.2122},
		{7, 29.43, 38.86, 3.3372, 0.6418},
		{29, 38, 38.86, 19.4530, 0.9552},
		{1, 5, 27, 0.5114, 0.4063},
	} {
		b := Buyer{Repeats: c.x, Last: c.last, Age: c.age}
		near(t, "E[Y(39)]", m.Expect(b, 39), c.want, fourDigits)
		near(t, "P(alive)", m.Alive(b), c.alive, fourDigits)
	}
}

// TestBGChance has the parameters and figures of R's BTYD.
func TestBGChance(t *testing.T) {
	m := &Model{Kind: BG, R: 0.243, Alpha: 4.414, A: 0.793, B: 2.426}
	near(t, "P(X(39)=0)", m.Chance(0, 39), 0.5737864, 5e-8)
	near(t, "P(X(2)=10)", m.Chance(10, 2), 1.07869e-07, 5e-13)
	for i, want := range []float64{.0019995214, .0015170236, .0011633150, .0009003148, .0007023638} {
		near(t, "P(X(30)="+strconv.Itoa(11+i)+")", m.Chance(11+i, 30), want, 5e-11)
	}
	near(t, "E[Y(39)|2, 30.43, 38.86]", m.Expect(Buyer{Repeats: 2, Last: 30.43, Age: 38.86}, 39), 1.226, threeDigits)
}

func TestMBG(t *testing.T) {
	m := fitted(t, MBG)
	near(t, "r", m.R, 0.525, threeDigits)
	near(t, "alpha", m.Alpha, 6.183, threeDigits)
	near(t, "a", m.A, 0.891, threeDigits)
	near(t, "b", m.B, 1.614, threeDigits)
}

func TestPareto(t *testing.T) {
	m := fitted(t, Pareto)
	near(t, "r", m.R, 0.553, threeDigits)
	near(t, "alpha", m.Alpha, 10.578, threeDigits)
	near(t, "s", m.A, 0.606, threeDigits)
	// The likelihood is flat along alpha and beta: what was printed is 1e-5 less likely than ours.
	near(t, "beta", m.B, 11.669, 0.0050001)
	printed := &Model{Kind: Pareto, R: 0.5534, Alpha: 10.5784, A: 0.6063, B: 11.6686}
	if l := printed.logLik(grouped(published(t))); m.LogLik < l {
		t.Errorf("log likelihood = %.6f, below that of the printed parameters, %.6f", m.LogLik, l)
	} else {
		t.Logf("log likelihood %.6f at %.5f %.5f %.5f %.5f; of the printed parameters %.6f", m.LogLik, m.R, m.Alpha, m.A, m.B, l)
	}
	b := Buyer{Repeats: 26, Last: 30.86, Age: 31}
	near(t, "E[Y(52)]", m.Expect(b, 52), 25.46, 0.0050001)
	near(t, "P(alive)", m.Alive(b), 0.9979, fourDigits)
}

func TestSpend(t *testing.T) {
	buyers := published(t)
	s, err := FitSpend(buyers)
	if err != nil {
		t.Fatal(err)
	}
	if s.Buyers != 946 {
		t.Errorf("%d customers came back, want 946", s.Buyers)
	}
	near(t, "p", s.P, 6.25, 0.0050001)
	near(t, "q", s.Q, 3.74, 0.0050001)
	near(t, "v", s.V, 15.44, 0.0100001) // the note's digits; the likelihood is flat here
	if s.LogLik < -4055.9233 {
		t.Errorf("log likelihood = %.4f, want −4055.9232", s.LogLik)
	}
	printed := &Spend{P: 6.25, Q: 3.74, V: 15.44}
	ll := 0.0
	for _, b := range buyers {
		if b.Repeats > 0 && b.Mean > 0 {
			ll += printed.logLik(float64(b.Repeats), b.Mean)
		}
	}
	if s.LogLik < ll {
		t.Errorf("log likelihood = %.6f, below that of the printed parameters, %.6f", s.LogLik, ll)
	}
	t.Logf("log likelihood %.6f at %.4f %.4f %.4f; of the printed parameters %.6f", s.LogLik, s.P, s.Q, s.V, ll)
	near(t, "the mean of all", s.Expect(Buyer{}), 35.17, 0.0050001)
	for i, want := range []float64{24.65, 18.91, 35.17, 35.17, 35.17, 71.46, 18.91, 35.17, 27.28, 35.17} {
		near(t, "E[M] of "+buyers[i].ID, s.Expect(buyers[i]), want, 0.1)
	}
}

// TestBuyers shows that the purchases give the published summary.
func TestBuyers(t *testing.T) {
	lines, want := cdnow(t), published(t)
	got := Buyers(lines, day(t, "19970930"))
	if len(got) != len(want) {
		t.Fatalf("%d customers, want %d", len(got), len(want))
	}
	for i, b := range got {
		w := want[i]
		if b.Repeats != w.Repeats || math.Abs(b.Last-w.Last) > 0.0051 || math.Abs(b.Age-w.Age) > 0.0051 || math.Abs(b.Mean-w.Mean) > 0.0051 {
			t.Errorf("customer %s: %+v, want %+v", b.ID, b, w)
		}
	}
}

// TestTrial hides the last 39 weeks of CDNOW.
func TestTrial(t *testing.T) {
	lines := cdnow(t)
	r, err := try(BG, lines, day(t, "19970930"), day(t, "19980630"))
	if err != nil {
		t.Fatal(err)
	}
	near(t, "weeks", r.Weeks, 39, 0)
	near(t, "purchases that came", r.Were, 1882, 0)
	near(t, "purchases foreseen", r.Said, 1653, 1)
	near(t, "AUC of recency", r.AUCSilent, 0.7714, fourDigits)
	near(t, "share of the best tenth", r.TopTenth, 0.47, 0.0050001)
	near(t, "lift", r.Lift, 2.75, 0.0050001)
	if r.AUC < 0.772 {
		t.Errorf("AUC of E[Y] = %.4f, want .772 or better", r.AUC)
	}
	t.Logf("AUC of E[Y] %.4f, lift %.3f, best tenth %.4f", r.AUC, r.Lift, r.TopTenth)
}

// TestTable is the table of means by number of repeats.
func TestTable(t *testing.T) {
	lines, m := cdnow(t), fitted(t, BG)
	sum, actual, count := [8]float64{}, [8]float64{}, [8]float64{}
	later := map[string]float64{}
	for _, b := range Buyers(lines, day(t, "19980630")) {
		later[b.ID] = float64(b.Repeats)
	}
	alive, ey, often, came, hidden := []float64{}, []float64{}, []float64{}, []bool{}, []float64{}
	off := 0.0
	for _, b := range Buyers(lines, day(t, "19970930")) {
		i, bought := min(b.Repeats, 7), later[b.ID]-float64(b.Repeats)
		sum[i] += m.Expect(b, 39)
		actual[i] += bought
		count[i]++
		often = append(often, float64(b.Repeats))
		hidden = append(hidden, bought)
		off += math.Abs(m.Expect(b, 39) - bought)
		alive, ey, came = append(alive, m.Alive(b)), append(ey, m.Expect(b, 39)), append(came, bought > 0)
	}
	if count != [8]float64{1411, 439, 214, 100, 62, 38, 29, 64} {
		t.Errorf("customers by repeats: %v", count)
	}
	predicted := [8]float64{.225, .523, 1.044, 1.520, 2.164, 2.654, 3.504, 6.157}
	were := [8]float64{.237, .697, 1.393, 1.560, 2.532, 2.947, 3.862, 6.359}
	for i := range count {
		near(t, "predicted", sum[i]/count[i], predicted[i], threeDigits)
		near(t, "actual", actual[i]/count[i], were[i], threeDigits)
	}
	// Why nobody is ranked by the chance of being there.
	near(t, "AUC of P(alive)", auc(alive, came), 0.3158, fourDigits)
	near(t, "AUC of E[Y]", auc(ey, came), 0.7725, fourDigits)
	near(t, "AUC of the number of purchases", auc(often, came), 0.7576, fourDigits)
	mean, far := 0.0, 0.0
	for _, v := range hidden {
		mean += v / float64(len(hidden))
	}
	for _, v := range hidden {
		far += math.Abs(v - mean)
	}
	if e := off / float64(len(hidden)); e > 0.786 { // ours is 0.7855
		t.Errorf("mean error = %.4f, want 0.786 or less", e)
	}
	near(t, "mean error of the mean", far/float64(len(hidden)), 1.134, threeDigits)
}

// TestLifetime holds what a customer will earn to its parts: the margin is a share, with
// nothing discounted it is the purchases expected times their value, and what is
// discounted is what a sum over single weeks says.
func TestLifetime(t *testing.T) {
	m, buyers := fitted(t, BG), published(t)
	s, err := FitSpend(buyers)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range []Buyer{buyers[0], buyers[5], {Repeats: 7, Last: 29.43, Age: 38.86, Mean: 40}} {
		whole := m.Lifetime(s, b, Terms{Margin: 1, Weeks: 52})
		near(t, "with no discount", whole, m.Expect(b, 52)*s.Expect(b), 1e-9*whole)
		near(t, "at a margin of 30 %", m.Lifetime(s, b, Terms{Margin: .3, Weeks: 52}), .3*whole, 1e-9*whole)
		sum := 0.0
		for w := range 52 {
			bought := m.Expect(b, float64(w+1)) - m.Expect(b, float64(w))
			sum += bought * s.Expect(b) * .3 / math.Pow(1.15, (float64(w)+.5)*7/365.25)
		}
		got := m.Lifetime(s, b, Terms{Margin: .3, Discount: .15, Weeks: 52})
		near(t, "discounted", got, sum, 2e-4*sum)
		if !(got < .3*whole) {
			t.Errorf("discounted by 15 %% a year it is %.4f of %.4f", got, .3*whole)
		}
	}
}
