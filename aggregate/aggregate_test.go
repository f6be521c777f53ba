package aggregate

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// ALGORITHMS.md section 2: the weights of the worked example, before any arithmetic on models.
func TestWorkedWeights(t *testing.T) {
	all := Population{Concurrency: 3, Cycles: []float64{1e9, 6e8, 2e8}}
	for _, c := range []struct {
		name   string
		config Config
		want   []float64
	}{
		{"fedavg", Config{Kind: "fedavg"}, []float64{1. / 3, 1. / 3, 1. / 3}},
		{"fedasync", Config{Kind: "fedasync", Alpha: 1}, []float64{23. / 9, 23. / 15, 23. / 45}},
		{"fedfix 1/2", Config{Kind: "fedfix", Window: 5e8}, []float64{2. / 3, 2. / 3, 1. / 3}},
	} {
		c.config.Weights, c.config.WeightCap = "unbiased", 10
		closing, err := New(c.config)
		if err != nil {
			t.Fatal(err)
		}
		w := NewWeigher(c.config, closing)
		w.Reset(3, all)
		w.Median(0, func(int) float64 { return 0 }, 0)
		for i, want := range c.want {
			d, part := w.Weight(Update{Client: i, Share: 1. / 3, Clients: 3, Committed: 1, Windows: 1, Factor: 1})
			if got := d * w.Scale(part); math.Abs(got-want) > 1e-15 {
				t.Errorf("%s: client %d weighs %v, want %v", c.name, i, got, want)
			}
		}
	}
}

// ALGORITHMS.md 2.1: FedBuff with K = 2 and lr 1, (1,0) at s = 0 and (0,2) at s = 3 with polynomial staleness (factor
// 1/2) moves x by -(.5, .5).
func TestFedBuffDiscountsAndDividesByK(t *testing.T) {
	c := Config{Kind: "fedbuff", Size: 2, Weights: "identical"}
	closing, _ := New(c)
	w := NewWeigher(c, closing)
	fresh, _ := w.Weight(Update{Factor: 1})
	old, _ := w.Weight(Update{Factor: .5})
	if x := []float64{w.Scale(0) * fresh * 1, w.Scale(0) * old * 2}; x[0] != .5 || x[1] != .5 {
		t.Errorf("x moves by -%v", x)
	}
}

// Clients that own a block each are not averaged: every update counts whole, however many are in the window and whatever
// data its client has, but for its age and fedasync's alpha.
func TestBlocksAreApplied(t *testing.T) {
	for _, c := range []Config{{Kind: "fedavg"}, {Kind: "fedfix", Window: 1}, {Kind: "fedbuff", Size: 4}, {Kind: "fedasync", Alpha: .5}} {
		c.Weights = "block"
		closing, err := New(c)
		if err != nil {
			t.Fatal(err)
		}
		w := NewWeigher(c, closing)
		parts := 0.0
		for _, factor := range []float64{1, .25, 1} {
			d, part := w.Weight(Update{Share: .01, Clients: 100, Factor: factor})
			if parts += part; d != factor {
				t.Errorf("%s: weight %v, want %v", c.Kind, d, factor)
			}
		}
		want := 1.0
		if c.Kind == "fedasync" {
			want = .5
		}
		if got := w.Scale(parts); got != want {
			t.Errorf("%s: the window counts %v, want %v", c.Kind, got, want)
		}
	}
}

// One client 40 times slower would weigh 40 times its share; the cap holds it at 10 times the median.
func TestWeightCap(t *testing.T) {
	c := Config{Kind: "fedfix", Window: 1e9, Weights: "unbiased", WeightCap: 10}
	closing, _ := New(c)
	w := NewWeigher(c, closing)
	w.Reset(5, Population{Concurrency: 5, Cycles: []float64{1e9, 1e9, 1e9, 1e9, 40e9}})
	w.Median(0, func(int) float64 { return 0 }, 0)
	if d, _ := w.Weight(Update{Client: 4, Share: .2, Factor: 1}); math.Abs(d-2) > 1e-15 {
		t.Errorf("the slow client weighs %v, want 10 x .2", d)
	}
	if d, _ := w.Weight(Update{Client: 0, Share: .2, Factor: 1}); math.Abs(d-.2) > 1e-15 {
		t.Errorf("a fast client weighs %v, want .2", d)
	}
}

// Whatever the policy, weights without a staleness discount that are renormalised sum to 1 (alpha 1).
func TestRenormalisedWeightsSumToOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := Config{
			Kind:    rapid.SampledFrom([]string{"fedavg", "fedfix", "fedbuff"}).Draw(t, "kind"),
			Weights: rapid.SampledFrom([]string{"share", "identical"}).Draw(t, "weights"), Window: 1, Size: 4, Alpha: 1,
		}
		closing, err := New(c)
		if err != nil {
			t.Fatal(err)
		}
		w := NewWeigher(c, closing)
		n := 4
		if c.Kind != "fedbuff" {
			n = rapid.IntRange(1, 20).Draw(t, "n")
		}
		var sum, parts float64
		for range n {
			d, part := w.Weight(Update{Share: rapid.Float64Range(.001, 1).Draw(t, "share"), Clients: 50, Factor: 1})
			sum += d
			parts += part
		}
		if got := sum * w.Scale(parts); math.Abs(got-1) > 1e-12 {
			t.Fatalf("the weights sum to %v", got)
		}
	})
}

// The law of participation against a simulation of the population it describes: with a tenth of the clients in flight
// and a free client drawn at random, as often as the law says.
func TestParticipationLawMatchesTheProcess(t *testing.T) {
	const n, m = 40, 4
	p := Population{Concurrency: m}
	for i := range n {
		p.Cycles = append(p.Cycles, math.Exp(2*float64(i)/n-1))
	}
	each := make([]float64, n)
	total := p.rates(each, 0)
	busy := 0.0
	for i, tau := range p.Cycles {
		busy += tau * each[i]
	}
	if math.Abs(busy-m) > 1e-9 {
		t.Errorf("%v clients in flight by the law, want %d", busy, m)
	}
	got := arrivals(p, 400000)
	for i := range each {
		if want := each[i] / total; math.Abs(got[i]-want) > .05*want {
			t.Errorf("client %d with cycle %.2f made %.5f of the arrivals, the law says %.5f", i, p.Cycles[i], got[i], want)
		}
	}
	slowest, fastest := each[n-1], each[0]
	if slowest >= fastest {
		t.Error("a slow client spends more of its life in flight and starts less often")
	}
}

// arrivals plays the process: who arrives is replaced by a free client drawn at random.
func arrivals(p Population, rounds int) []float64 {
	n := len(p.Cycles)
	random := uint64(1)
	next := func(k int) int {
		random = random*6364136223846793005 + 1442695040888963407
		return int((random >> 33) % uint64(k))
	}
	type flight struct {
		at     float64
		client int
	}
	var flights []flight
	free := make([]int, n)
	for i := range free {
		free[i] = i
	}
	start := func(now float64) {
		k := next(len(free))
		c := free[k]
		free = slices.Delete(free, k, k+1)
		flights = append(flights, flight{now + p.Cycles[c], c})
	}
	for range p.Concurrency {
		start(0)
	}
	share := make([]float64, n)
	for range rounds {
		first := 0
		for i, f := range flights {
			if f.at < flights[first].at {
				first = i
			}
		}
		f := flights[first]
		flights = slices.Delete(flights, first, first+1)
		share[f.client] += 1 / float64(rounds)
		start(f.at)
		free = append(free, f.client)
	}
	return share
}

// ALGORITHMS.md 2.2: nesterov with lr .7, mu .9 on g = 1, 1, 0.
func TestWorkedNesterov(t *testing.T) {
	o, err := NewOuter[float64](OuterConfig{Kind: "nesterov", LR: .7, Momentum: .9}, 1)
	if err != nil {
		t.Fatal(err)
	}
	x := []float64{0}
	for i, c := range []struct{ g, want float64 }{{1, -1.33}, {1, -3.227}, {0, -4.3043}} {
		sum := []float64{c.g * 2}
		o.Step(x, x, sum, .5, 1)
		if math.Abs(x[0]-c.want) > 1e-12 {
			t.Errorf("step %d: x = %v, want %v", i, x[0], c.want)
		}
		if sum[0] != 0 {
			t.Error("the window's sum was not cleared")
		}
	}
}

// FedAdam's first two steps by hand: g = 1, beta1 .9, beta2 .99, eps .1, lr .5.
func TestWorkedAdam(t *testing.T) {
	o, err := NewOuter[float64](OuterConfig{Kind: "adam", LR: .5, Beta1: .9, Beta2: .99, Epsilon: .1}, 1)
	if err != nil {
		t.Fatal(err)
	}
	x := []float64{0}
	o.Step(x, x, []float64{1}, 1, 1)
	want := -.5 * .1 / (.1 + .1) // m = .1, v = .01
	if math.Abs(x[0]-want) > 1e-12 {
		t.Errorf("first step: %v, want %v", x[0], want)
	}
	o.Step(x, x, []float64{1}, 1, 1)
	want -= .5 * .19 / (math.Sqrt(.0199) + .1) // m = .19, v = .0199
	if math.Abs(x[0]-want) > 1e-12 {
		t.Errorf("second step: %v, want %v", x[0], want)
	}
}

func TestTotalVariation(t *testing.T) {
	if got := TotalVariation([]float64{.5, .5, 0}, []float64{.2, .3, .5}); math.Abs(got-.5) > 1e-15 {
		t.Errorf("total variation %v, want .5", got)
	}
	if got := TotalVariation([]float64{1, 0}, []float64{0, 1}); got != 1 {
		t.Errorf("total variation of disjoint shares %v, want 1", got)
	}
}

// Gini's mean difference: 0 for equal counts, (n-1)/n for one that has everything, and 1, 2, 3, 4 by hand: 1/4.
func TestGini(t *testing.T) {
	for _, c := range []struct {
		counts []uint64
		want   float64
	}{
		{nil, 0},
		{[]uint64{0, 0}, 0},
		{[]uint64{3, 3, 3}, 0},
		{[]uint64{0, 0, 7, 0}, .75},
		{[]uint64{4, 2, 1, 3}, .25},
	} {
		if got := Gini(c.counts); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("Gini of %v is %v, want %v", c.counts, got, c.want)
		}
	}
}

// Under score weights clients count by the scores that they were chosen by, plus a tenth, and like the best where there are
// none. In a window of one nobody is there to compare with.
func TestScoreWeights(t *testing.T) {
	for _, kind := range []string{"fedavg", "fedbuff", "fedfix"} {
		c := Config{Kind: kind, Size: 4, Window: 1, Weights: "score"}
		closing, err := New(c)
		if err != nil {
			t.Fatal(err)
		}
		w := NewWeigher(c, closing)
		var weights []float64
		total := 0.0
		for _, score := range []float64{.5, 0, 1, math.NaN()} {
			weight, part := w.Weight(Update{Share: .25, Clients: 4, Factor: .5, Score: score})
			weights = append(weights, weight)
			total += part
		}
		for i, want := range []float64{.6 / 2.9, .1 / 2.9, 1.1 / 2.9, 1.1 / 2.9} {
			if got := weights[i] * w.Scale(total); math.Abs(got-.5*want) > 1e-12 { // half of it, for staleness
				t.Errorf("%s: update %d weighs %v, want %v", kind, i, got, .5*want)
			}
		}
	}
	c := Config{Kind: "fedasync", Alpha: .6, Weights: "score"}
	closing, _ := New(c)
	w := NewWeigher(c, closing)
	if weight, part := w.Weight(Update{Share: .25, Clients: 4, Factor: 1, Score: .1}); weight*w.Scale(part) != .6 {
		t.Errorf("fedasync weighs %v, want .6", weight*w.Scale(part))
	}
}
