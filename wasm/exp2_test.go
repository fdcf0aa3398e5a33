package wasm

import (
	"math"
	"testing"
)

func TestExp2(t *testing.T) {
	for x := 0.0; x > -1100; x -= 0.0937 {
		got, want := Exp2(x), math.Exp2(x)
		if x < Exp2Min {
			want = 0
		}
		if math.Abs(got-want) > 6e-16*want {
			t.Fatalf("Exp2(%v) = %v, want %v", x, got, want)
		}
	}
	for x := 0.0; x < 1000; x += 0.731 {
		if got, want := Exp2(x), math.Exp2(x); math.Abs(got-want) > 6e-16*want {
			t.Fatalf("Exp2(%v) = %v, want %v", x, got, want)
		}
	}
	for n := 0; n <= 1022; n++ {
		if got := Exp2(float64(-n)); got != math.Ldexp(1, -n) {
			t.Fatalf("Exp2(-%d) = %v, not exact", n, got)
		}
	}
}

func TestLayout(t *testing.T) {
	if IOReasons != 0x4100 || IOEvents != 0x6100 {
		t.Fatalf("reasons at %#x, events at %#x", IOReasons, IOEvents)
	}
	if OffDim0+8*DimsMax > IOState {
		t.Fatal("dimensions overlap the state")
	}
}
