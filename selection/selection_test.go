package selection

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// some draws what may be known of n clients, of whom some were never heard and some sent nonsense.
func some(t *rapid.T, n int) Situation {
	random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "clients"), 0))
	s := Situation{Round: 1 + random.Uint64N(200), Progress: random.Float64(), Clients: make([]Client, n)}
	for i := range s.Clients {
		c := &s.Clients[i]
		c.Samples = float64(1 + random.IntN(500))
		c.Loss, c.RMS, c.Cosine, c.Duration = Unknown(), Unknown(), Unknown(), Unknown()
		if random.IntN(3) == 0 {
			continue
		}
		c.Chosen, c.Last = 1+random.Uint64N(20), 1+random.Uint64N(s.Round)
		c.Loss = random.ExpFloat64()
		c.RMS, c.Cosine, c.Duration = c.Loss*1.2, 2*random.Float64()-1, 1+random.ExpFloat64()
		if random.IntN(10) == 0 {
			c.Loss, c.RMS = math.NaN(), math.Inf(1)
		}
	}
	return s
}

func anyConfig(t *rapid.T) Config {
	c := DefaultConfig()
	c.Kind = rapid.SampledFrom(Kinds()).Draw(t, "kind")
	c.Combine = rapid.SampledFrom([]string{"additive", "multiplicative"}).Draw(t, "combine")
	c.Value = rapid.SampledFrom([]string{"loss", "size-rms"}).Draw(t, "value")
	c.Temperature = rapid.SampledFrom([]float64{minTemperature, 0.3, 1}).Draw(t, "temperature")
	c.Blacklist = rapid.IntRange(0, 5).Draw(t, "blacklist")
	c.AdaptDensity = c.Kind == "heteroselect"
	return c
}

func numbered(n int) []uint32 {
	free := make([]uint32, n)
	for i := range free {
		free[i] = uint32(i)
	}
	return free
}

func TestChosenAreDistinctAndNobodyIsLost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 50).Draw(t, "n")
		m := rapid.IntRange(0, n+5).Draw(t, "m") // more than are free: all that are
		s, err := New(anyConfig(t))
		if err != nil {
			t.Fatal(err)
		}
		free := numbered(n)
		choices := s.Choose(some(t, n), free, m, rand.New(rand.NewPCG(1, 2)))
		if len(choices) != min(m, n) {
			t.Fatalf("chose %d of %d, want %d", len(choices), n, min(m, n))
		}
		for _, c := range choices {
			if c.Probability <= 0 || c.Probability > 1+1e-12 || c.Density < 0 || c.Density > 1 {
				t.Fatalf("%+v", c)
			}
		}
		all := slices.Sorted(slices.Values(free))
		for i, c := range all {
			if c != uint32(i) {
				t.Fatalf("client %d is missing or there twice: %v", i, all)
			}
		}
	})
}

// The same situation and the same seed choose the same clients, whatever the selector did before.
func TestChoiceDependsOnItsArgumentsAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		config, n := anyConfig(t), rapid.IntRange(1, 40).Draw(t, "n")
		s, m := some(t, n), rapid.IntRange(1, n).Draw(t, "m")
		one, _ := New(config)
		two, _ := New(config)
		two.Choose(some(t, 60), numbered(60), 7, rand.New(rand.NewPCG(9, 9)))
		a, b := numbered(n), numbered(n)
		one.Choose(s, a, m, rand.New(rand.NewPCG(3, 4)))
		two.Choose(s, b, m, rand.New(rand.NewPCG(3, 4)))
		if !slices.Equal(a, b) {
			t.Fatalf("%v and %v", a, b)
		}
	})
}

// shares counts how often each of n clients is drawn first.
func shares(t *testing.T, c Config, s Situation, n, rounds int) []float64 {
	t.Helper()
	selector, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(7, 0))
	counts := make([]float64, n)
	for range rounds {
		free := numbered(n)
		selector.Choose(s, free, 1, random)
		counts[free[n-1]] += 1 / float64(rounds)
	}
	return counts
}

// alikeWithin wants frequencies to be the probabilities, to five standard deviations.
func alikeWithin(t *testing.T, got, want []float64, rounds int) {
	t.Helper()
	for i := range want {
		if math.Abs(got[i]-want[i]) > 5*math.Sqrt(want[i]*(1-want[i])/float64(rounds)) {
			t.Errorf("client %d was drawn with frequency %.4f, want %.4f", i, got[i], want[i])
		}
	}
}

func TestClientsAreDrawnWithTheirProbabilities(t *testing.T) {
	const rounds = 20000
	s, ids := worked()
	for i := range s.Clients {
		s.Clients[i].Samples = float64(i + 1)
	}
	n := len(ids)
	alikeWithin(t, shares(t, Config{Kind: "random"}, s, n, rounds), []float64{.25, .25, .25, .25}, rounds)
	alikeWithin(t, shares(t, Config{Kind: "size"}, s, n, rounds), []float64{.1, .2, .3, .4}, rounds)
	alikeWithin(t, shares(t, published(), s, n, rounds), []float64{.230954, .196572, .421381, .151093}, rounds)
}

// Drawing without replacement: of two, the second is drawn among those that are left.
func TestDrawsAreWithoutReplacement(t *testing.T) {
	const rounds = 20000
	selector, _ := New(Config{Kind: "size"})
	s := Situation{Clients: []Client{{Samples: 1}, {Samples: 2}, {Samples: 3}}}
	random := rand.New(rand.NewPCG(5, 0))
	pairs := make([]float64, 9)
	for range rounds {
		free := numbered(3)
		selector.Choose(s, free, 2, random)
		pairs[3*free[1]+free[2]] += 1.0 / rounds
	}
	want := make([]float64, 9)
	for a := range 3 {
		for b := range 3 {
			if a != b {
				pa, pb := float64(a+1)/6, float64(b+1)/6
				want[3*a+b] = pa * pb / (1 - pa)
			}
		}
	}
	alikeWithin(t, pairs, want, rounds)
}

func TestSmallestByRank(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Float64Range(-3, 3), 1, 200).Draw(t, "values")
		if rapid.Bool().Draw(t, "ties") {
			for i := range values {
				values[i] = math.Round(values[i])
			}
		}
		k := rapid.IntRange(0, len(values)-1).Draw(t, "k")
		want := slices.Sorted(slices.Values(values))[k]
		if got := kth(slices.Clone(values), k); got != want {
			t.Fatalf("%v, want %v", got, want)
		}
	})
}

func TestFaultsNameTheirKeys(t *testing.T) {
	c := published()
	c.Weights, c.Temperature, c.Combine, c.Value = Weights{Value: -1}, 0, "sum", "size"
	for _, tt := range []struct {
		config Config
		want   string
	}{
		{Config{Kind: "best"}, `kind: "best": must be one of [random all size powerofchoice oort heteroselect]`},
		{Config{Kind: "powerofchoice"}, "candidates: 0: must be at least 1"},
		{Config{Kind: "oort", Penalty: -1, Blacklist: -1}, "penalty: -1: must be from 0 to 64\nblacklist: -1: must be 0 (no list) or more"},
		{c, "weights.value: -1: must be from 0 to 1000000\nweights: must not all be 0\ncombine: \"sum\": must be additive or multiplicative\n" +
			"value: \"size\": must be loss or size-rms\ntemperature: 0: must be at least 0.01"},
		{Config{Kind: "random", AdaptDensity: true}, "adapt_density: true: only heteroselect has the scores for it"},
	} {
		if _, err := New(tt.config); err == nil || err.Error() != tt.want {
			t.Errorf("%v, want %s", err, tt.want)
		}
	}
}
