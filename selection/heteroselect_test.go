package selection

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// probabilities are those of all clients, by number, under config.
func probabilities(c Config, s Situation, ids []uint32) []float64 {
	selector, err := New(c)
	if err != nil {
		panic(err)
	}
	free := slices.Clone(ids)
	p := make([]float64, len(s.Clients))
	for i, choice := range selector.Choose(s, free, len(free), rand.New(rand.NewPCG(1, 1))) {
		p[free[i]] = choice.Probability
	}
	return p
}

func anyHeteroSelect(t *rapid.T) Config {
	c := anyConfig(t)
	c.Kind = "heteroselect"
	c.Weights.Speed = 0.4
	return c
}

func TestProbabilitiesAddUpToOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 60).Draw(t, "n")
		sum := 0.0
		for i, p := range probabilities(anyHeteroSelect(t), some(t, n), numbered(n)) {
			if !(p > 0) {
				t.Fatalf("client %d has probability %v", i, p)
			}
			sum += p
		}
		if math.Abs(sum-1) > 1e-12 {
			t.Fatalf("they add up to %v", sum)
		}
	})
}

func TestRelabellingClientsRelabelsTheResult(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 40).Draw(t, "n")
		c, s := anyHeteroSelect(t), some(t, n)
		order := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "order"), 0)).Perm(n)
		moved := s
		moved.Clients = make([]Client, n)
		for i, to := range order {
			moved.Clients[to] = s.Clients[i]
		}
		before, after := probabilities(c, s, numbered(n)), probabilities(c, moved, numbered(n))
		for i, to := range order {
			if math.Abs(before[i]-after[to]) > 1e-12 {
				t.Fatalf("client %d had %v, as client %d it has %v", i, before[i], to, after[to])
			}
		}
	})
}

func TestEqualClientsAreDrawnAlike(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 40).Draw(t, "n")
		s := some(t, n)
		for i := range s.Clients {
			s.Clients[i] = s.Clients[0]
		}
		for i, p := range probabilities(anyHeteroSelect(t), s, numbered(n)) {
			if math.Abs(p-1/float64(n)) > 1e-12 {
				t.Fatalf("client %d of %d has probability %v", i, n, p)
			}
		}
	})
}

// A loss in other units, or with a constant added, changes no probability.
func TestLossesMayBeScaled(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 40).Draw(t, "n")
		c, s := anyHeteroSelect(t), some(t, n)
		c.Value = "loss"
		a, b := rapid.Float64Range(.01, 100).Draw(t, "a"), rapid.Float64Range(-50, 50).Draw(t, "b")
		scaled := s
		scaled.Clients = slices.Clone(s.Clients)
		for i := range scaled.Clients {
			scaled.Clients[i].Loss = a*s.Clients[i].Loss + b
		}
		before, after := probabilities(c, s, numbered(n)), probabilities(c, scaled, numbered(n))
		for i := range before {
			if math.Abs(before[i]-after[i]) > 1e-7*before[i] {
				t.Fatalf("client %d: %v, then %v", i, before[i], after[i])
			}
		}
	})
}

// Each component does what it is for: of two clients that are alike otherwise, the one on the left is preferred.
func TestComponentsPreferWhatTheyAreFor(t *testing.T) {
	base := Client{Samples: 10, Chosen: 3, Last: 3, Loss: 1, RMS: 1, Cosine: 0.5, Duration: 2}
	for name, better := range map[string]func(c *Client){
		"larger loss":        func(c *Client) { c.Loss = 2 },
		"another direction":  func(c *Client) { c.Cosine = -0.2 },
		"chosen less often":  func(c *Client) { c.Chosen = 1 },
		"chosen longer ago":  func(c *Client) { c.Last = 1 },
		"faster":             func(c *Client) { c.Duration = 1 },
		"unknown beside low": func(c *Client) { c.Cosine = Unknown(); c.Loss = 2 },
	} {
		for _, combine := range []string{"additive", "multiplicative"} {
			c := published()
			c.Weights.Speed, c.Combine = 0.3, combine
			s := Situation{Round: 6, Clients: []Client{base, base}}
			better(&s.Clients[0])
			if p := probabilities(c, s, numbered(2)); !(p[0] > p[1]) {
				t.Errorf("%s, %s: probabilities %v", name, combine, p)
			}
		}
	}
}

func TestValueBySizeIsOortsReward(t *testing.T) {
	c := published()
	c.Value, c.Weights = "size-rms", Weights{Value: 1}
	h := heteroSelect{Config: c}
	s := Situation{Round: 2, Clients: []Client{{Samples: 10, RMS: 3, Loss: 9}, {Samples: 40, RMS: 1, Loss: 1}, {Samples: 20, RMS: 1, Loss: 5}}}
	h.scorer.measure(s, numbered(3), c.Value)
	near(t, "V", h.scorer.parts[Value], []float64{.5, 1, 0})
}

// theta falls from 1 on a cosine to .08; the mean client sends theta, a better one more, and nobody less than .005.
func TestDensityFollowsTheScore(t *testing.T) {
	for _, tt := range []struct{ score, mean, progress, want float64 }{
		{.5, .5, 0, 1},
		{.5, .5, .5, .54},
		{.5, .5, 1, .08},
		{1, .5, 1, .16},
		{1, .5, 0, 1},
		{0, .5, 0, .005},
		{0, 0, .5, .54}, // all scores equal
		{.5, .5, 1.0 / 3, .08 + .92*.75},
	} {
		if got := density(tt.score, tt.mean, tt.progress); math.Abs(got-tt.want) > 1e-12 {
			t.Errorf("score %v of mean %v at %v: %v, want %v", tt.score, tt.mean, tt.progress, got, tt.want)
		}
	}
	for x := 0.0; x <= 1; x += 1.0 / 512 {
		if math.Abs(cosine(x)-math.Cos(math.Pi*x)) > 1e-15 {
			t.Fatalf("cos(pi %v) is %v, not %v", x, math.Cos(math.Pi*x), cosine(x))
		}
	}
}

func TestDirectionIsTheMeanMovement(t *testing.T) {
	var d Direction[float64]
	if !math.IsNaN(d.Cosine([]float64{1, 0})) {
		t.Error("a model that never moved has no direction")
	}
	one := d.Moved([]float64{1, 1}, []float64{0, 1})
	two := one.Moved([]float64{0, 1}, []float64{0, 3})
	near(t, "after one movement", one, []float64{.1, 0})
	near(t, "after two", two, []float64{.09, -.2})
	near(t, "cosines", []float64{one.Cosine([]float64{5, 0}), one.Cosine([]float64{0, 1}), one.Cosine([]float64{-2, 2})}, []float64{1, 0, -math.Sqrt(.5)})
	if !math.IsNaN(one.Cosine([]float64{0, 0})) {
		t.Error("an update of 0 has no direction")
	}
}
