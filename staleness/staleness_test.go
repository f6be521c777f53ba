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
		age    Age
		want   float64
	}{
		{"constant", Config{Kind: "constant"}, Age{Versions: 1000}, 1},
		{"polynomial", Config{Kind: "polynomial", A: .5}, Age{Versions: 3}, .5},
		{"polynomial by default", Config{Kind: "polynomial"}, Age{Versions: 3}, .5},
		{"hinge", Config{Kind: "hinge", A: 10, B: 4}, Age{Versions: 6}, 1. / 21},
		{"hinge at the bend", Config{Kind: "hinge", A: 10, B: 4}, Age{Versions: 4}, 1},
		{"exponential", Config{Kind: "exponential", A: .5}, Age{Versions: 2}, 1 / math.E},
		{"gap while all steps are equally long", Config{Kind: "gap"}, Age{Versions: 3, Gap: 3}, 2. / 3},
		{"gap of a model that stood still", Config{Kind: "gap"}, Age{Versions: 90}, 1},
		{"gap with a rate of its own", Config{Kind: "gap", A: 1}, Age{Versions: 1, Gap: .25}, .8},
		{"ess knows no age", Config{Kind: "ess"}, Age{Versions: 90, Gap: 90}, 1},
	} {
		rule, err := New(c.config)
		if err != nil {
			t.Fatal(err)
		}
		if got := rule.Factor(c.age); math.Abs(got-c.want) > 1e-15 {
			t.Errorf("%s: factor of %+v = %v, want %v", c.name, c.age, got, c.want)
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
		if got := rule.Factor(Age{}); got != 1 {
			t.Fatalf("factor of a fresh update is %v", got)
		}
		stride := rapid.Float64Range(0, 4).Draw(t, "stride")
		last := 1.0
		for s := range uint64(100) {
			f := rule.Factor(Age{Versions: s, Gap: float64(s) * stride})
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

// ALGORITHMS.md section 6.
func TestWorkedEffectiveSampleSize(t *testing.T) {
	sum, squares := 0.0, 0.0
	for _, w := range []float64{1, 2, .5, 4} {
		sum += w
		squares += w * w
	}
	if got := EffectiveSampleSize(sum, squares); math.Abs(got-225./85) > 1e-12 {
		t.Errorf("effective sample size %v, want 2.647059", got)
	}
	for a, want := range map[float64]float64{0: math.Sqrt(225. / 340), 1: 225. / 340} { // .813489, .661765
		rule, err := New(Config{Kind: "ess", A: a})
		if err != nil {
			t.Fatal(err)
		}
		if got := rule.Rate(4, sum, squares); math.Abs(got-want) > 1e-12 {
			t.Errorf("a = %v: rate %v, want %v", a, got, want)
		}
	}
}

// The effective sample size does not change with the weights' scale and lies between 1 and their number, which it
// reaches when all are equal. No rule but ess touches the rate, and none raises it.
func TestRates(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		weights := rapid.SliceOfN(rapid.Float64Range(1e-3, 1e3), 1, 30).Draw(t, "weights")
		equal := rapid.Bool().Draw(t, "equal")
		scale := rapid.Float64Range(1e-3, 1e3).Draw(t, "scale")
		rule, err := New(Config{Kind: rapid.SampledFrom(Kinds()).Draw(t, "kind")})
		if err != nil {
			t.Fatal(err)
		}
		var sum, squares, scaled, scaledSquares float64
		for i, w := range weights {
			if equal {
				w = weights[0]
			}
			weights[i] = w
			sum, squares = sum+w, squares+w*w
			scaled, scaledSquares = scaled+w*scale, scaledSquares+w*scale*w*scale
		}
		n := float64(len(weights))
		size := EffectiveSampleSize(sum, squares)
		if size < 1-1e-9 || size > n+1e-9 || equal && math.Abs(size-n) > 1e-9*n {
			t.Fatalf("effective sample size %v of %v", size, weights)
		}
		if other := EffectiveSampleSize(scaled, scaledSquares); math.Abs(other-size) > 1e-9*size {
			t.Fatalf("%v, with other units %v", size, other)
		}
		rate := rule.Rate(len(weights), sum, squares)
		if _, is := rule.(ess); !is && rate != 1 || !(rate > 0 && rate <= 1) || equal && math.Abs(rate-1) > 1e-9 {
			t.Fatalf("%T: rate %v for %v", rule, rate, weights)
		}
	})
}

// The way since a base is what was walked since, in running rms steps; with equal steps it is the staleness in
// versions.
func TestPath(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		equal := rapid.Bool().Draw(t, "equal")
		steps := rapid.IntRange(0, 3*Remembered).Draw(t, "steps")
		var p Path
		var lengths []float64
		power := 0.0
		for n := range steps {
			length := 3.0
			if !equal {
				length = math.Exp(math.Sin(float64(n)))
			}
			lengths = append(lengths, length)
			w := max(.1, 1/float64(n+1))
			power = (1-w)*power + w*length*length
			p.Move(length)
		}
		base := rapid.IntRange(0, steps+2).Draw(t, "base")
		want := 0.0
		for _, length := range lengths[min(steps, max(base, steps-Remembered+1)):] {
			want += length / math.Sqrt(power)
		}
		if got := p.Since(uint64(base)); math.Abs(got-want) > 1e-9*(1+want) {
			t.Fatalf("%v since version %d of %d, want %v", got, base, steps, want)
		}
	})
}
