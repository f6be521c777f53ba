package staleness

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// ALGORITHMS.md 2.1.
func TestWorkedExamples(t *testing.T) {
	for _, c := range []struct {
		name   string
		config Config
		s      uint64
		want   float64
	}{
		{"constant", Config{Kind: "constant"}, 1000, 1},
		{"polynomial", Config{Kind: "polynomial", A: .5}, 3, .5},
		{"polynomial by default", Config{Kind: "polynomial"}, 3, .5},
		{"hinge", Config{Kind: "hinge", A: 10, B: 4}, 6, 1. / 21},
		{"hinge at the bend", Config{Kind: "hinge", A: 10, B: 4}, 4, 1},
		{"exponential", Config{Kind: "exponential", A: .5}, 2, 1 / math.E},
	} {
		rule, err := New(c.config)
		if err != nil {
			t.Fatal(err)
		}
		if got := rule.Factor(c.s); math.Abs(got-c.want) > 1e-15 {
			t.Errorf("%s: factor of %d = %v, want %v", c.name, c.s, got, c.want)
		}
	}
}

func TestFactorsFallFromOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := Config{
			Kind: rapid.SampledFrom(Kinds()).Draw(t, "kind"),
			A:    rapid.Float64Range(0, 3).Draw(t, "a"),
			B:    rapid.IntRange(0, 20).Draw(t, "b"),
		}
		rule, err := New(c)
		if err != nil {
			t.Fatal(err)
		}
		if got := rule.Factor(0); got != 1 {
			t.Fatalf("factor of a fresh update is %v", got)
		}
		last := 1.0
		for s := range uint64(100) {
			f := rule.Factor(s)
			if !(f >= 0 && f <= last) {
				t.Fatalf("factor rises from %v to %v at s = %d", last, f, s)
			}
			last = f
		}
	})
}

func TestHardLimit(t *testing.T) {
	c := Config{Kind: "constant", Max: 5}
	if c.TooOld(5) || !c.TooOld(6) || (Config{}).TooOld(1<<40) {
		t.Error("the limit is inclusive, and 0 is no limit")
	}
}

func TestFaultsAreListedTogether(t *testing.T) {
	err := Config{Kind: "linear", A: math.NaN(), B: -1, Max: -1}.Validate()
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok || len(joined.Unwrap()) != 4 {
		t.Errorf("want four faults, have: %v", err)
	}
}

func TestHistogram(t *testing.T) {
	var h Histogram
	for s := range uint64(100) {
		h.Add(s)
	}
	h.Add(5000)
	if h.Quantile(.5) != 50 || h.Quantile(.95) != 95 || h.Max != 5000 || h.Total() != 101 {
		t.Errorf("p50 %d p95 %d max %d total %d", h.Quantile(.5), h.Quantile(.95), h.Max, h.Total())
	}
	if got := len(h.Trimmed()); got != Bins {
		t.Errorf("the tail is in bin %d, want the last", got-1)
	}
}
