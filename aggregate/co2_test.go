package aggregate

import (
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

func co2Config() OuterConfig {
	return OuterConfig{Kind: "co2", LR: .7, Momentum: .2, Penalty: "gap-norm", Clip: "elementwise"}
}

func newCO2(t interface{ Fatal(...any) }, c OuterConfig, d int) *Outer[float64] {
	o, err := NewOuter[float64](c, d)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// ALGORITHMS.md section 3: two workers, f_i = ||x - c_i||^2 / 2, c = (4,0), (0,2), two local steps of rate 1/4, lr 1,
// beta 1/2, no penalty, no clip. A round's updates are made from the model before the last step.
func TestWorkedCO2(t *testing.T) {
	c := OuterConfig{Kind: "co2", LR: 1, Momentum: .5, Penalty: "constant", Clip: "none"}
	delta := func(x []float64) []float64 { // the mean over the workers
		contraction := 1 - .75*.75
		return []float64{contraction * (x[0] - 2), contraction * (x[1] - 1)}
	}
	o := newCO2(t, c, 2)
	x := []float64{0, 0}
	made := delta(x) // in round 0; x_1 = x_0
	for i, want := range [][]float64{{7. / 8, 7. / 16}, {35. / 16, 35. / 32}, {427. / 128, 427. / 256}} {
		next := delta(x)
		o.Step(x, x, made, 1, 1)
		made = next
		for j := range x {
			if math.Abs(x[j]-want[j]) > 1e-12 {
				t.Errorf("x_%d[%d] = %v, want %v", i+2, j, x[j], want[j])
			}
		}
	}
	c.Momentum = 0 // without staleness and momentum: Local SGD
	o, x = newCO2(t, c, 2), []float64{0, 0}
	for i, want := range [][]float64{{7. / 8, 7. / 16}, {175. / 128, 175. / 256}} {
		o.Step(x, x, delta(x), 1, 1)
		for j := range x {
			if math.Abs(x[j]-want[j]) > 1e-12 {
				t.Errorf("Local SGD: x_%d[%d] = %v, want %v", i+1, j, x[j], want[j])
			}
		}
	}
}

// The step by the formulas of co2.go, with every quantity written out and x' kept.
type plainCO2 struct {
	c           OuterConfig
	m, x, older []float64
	powers      []float64 // mean squares of u
	phi         float64
}

func (p *plainCO2) step(g []float64, rate float64) {
	d := float64(len(g))
	gap := make([]float64, len(g))
	norm := 0.0
	for i := range g {
		gap[i] = math.Abs(p.x[i] - p.older[i])
		norm += gap[i] * gap[i]
	}
	u, power := make([]float64, len(g)), 0.0
	for i := range g {
		lambda := 1.0
		if p.phi > 0 && p.c.Penalty == "gap-elementwise" {
			lambda = 1 + gap[i]/(p.c.LR*p.phi)
		} else if p.phi > 0 && p.c.Penalty == "gap-norm" {
			lambda = 1 + math.Sqrt(norm)/(p.c.LR*p.phi*math.Sqrt(d))
		}
		u[i] = g[i] / lambda
		power += u[i] * u[i] / d
	}
	p.powers = append(p.powers, power)
	running := 0.0
	for n, v := range p.powers {
		w := max(.1, 1/float64(n+1))
		running = (1-w)*running + w*v
	}
	p.phi = float64(p.c.Phi)
	if p.phi == 0 {
		p.phi = 6 * math.Sqrt(running)
	}
	clipped, length := make([]float64, len(g)), 0.0
	for i := range g {
		p.m[i] = p.c.Momentum*p.m[i] + u[i]
		clipped[i] = p.m[i]
		if p.c.Clip == "elementwise" {
			clipped[i] = math.Max(-p.phi, math.Min(p.phi, p.m[i]))
		}
		length += clipped[i] * clipped[i]
	}
	if bound := p.phi * math.Sqrt(d); p.c.Clip == "norm" && math.Sqrt(length) > bound {
		for i := range clipped {
			clipped[i] *= bound / math.Sqrt(length)
		}
	}
	copy(p.older, p.x)
	for i := range g {
		p.x[i] -= p.c.LR * rate * clipped[i]
	}
}

// The fast step is the plain one, whatever the settings, and never moves the model further than lr phi allows.
func TestCO2IsItsFormulas(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := OuterConfig{
			Kind: "co2", LR: rapid.Float64Range(.1, 1.5).Draw(t, "lr"), Momentum: rapid.Float64Range(0, .95).Draw(t, "beta"),
			Penalty: rapid.SampledFrom(Penalties()).Draw(t, "penalty"), Clip: rapid.SampledFrom(Clips()).Draw(t, "clip"),
			Phi: Phi(rapid.SampledFrom([]float64{0, .5, 1.5}).Draw(t, "phi")),
		}
		d := rapid.IntRange(1, 40).Draw(t, "d")
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		o := newCO2(t, c, d)
		x := make([]float64, d)
		p := &plainCO2{c: c, m: make([]float64, d), x: make([]float64, d), older: make([]float64, d)}
		for step := range 12 {
			g, sum := make([]float64, d), make([]float64, d)
			rate := 1.0
			if step%3 == 2 {
				rate = .5
			}
			for i := range g {
				g[i] = random.NormFloat64() * math.Exp(random.NormFloat64())
				sum[i] = 4 * g[i]
			}
			before := append([]float64(nil), x...)
			o.Step(x, x, sum, .25, rate)
			p.step(g, rate)
			moved := 0.0
			for i := range x {
				if math.Abs(x[i]-p.x[i]) > 1e-9*(1+math.Abs(x[i])) {
					t.Fatalf("step %d: x[%d] = %v, by the formulas %v", step, i, x[i], p.x[i])
				}
				if sum[i] != 0 {
					t.Fatal("the window's sum was not cleared")
				}
				by := math.Abs(x[i] - before[i])
				moved += by * by
				if c.Clip == "elementwise" && by > c.LR*p.phi*(1+1e-12) {
					t.Fatalf("coordinate %d moved by %v, past lr phi = %v", i, by, c.LR*p.phi)
				}
			}
			if bound := c.LR * p.phi * math.Sqrt(float64(d)); c.Clip == "norm" && math.Sqrt(moved) > bound*(1+1e-12) {
				t.Fatalf("the model moved by %v, past lr phi sqrt(d) = %v", math.Sqrt(moved), bound)
			}
		}
	})
}

// A relative phi makes the step scale with its input: weir's outer gradients may be of any size.
func TestRelativeClipHasNoScale(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := co2Config()
		c.Penalty = rapid.SampledFrom(Penalties()).Draw(t, "penalty")
		c.Clip = rapid.SampledFrom(Clips()).Draw(t, "clip")
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		one, many := newCO2(t, c, 8), newCO2(t, c, 8)
		x, y := make([]float64, 8), make([]float64, 8)
		for range 10 {
			g, h := make([]float64, 8), make([]float64, 8)
			for i := range g {
				g[i] = random.NormFloat64() * math.Exp(2*random.NormFloat64())
				h[i] = 1024 * g[i]
			}
			one.Step(x, x, g, 1, 1)
			many.Step(y, y, h, 1, 1)
		}
		for i := range x {
			if math.Abs(1024*x[i]-y[i]) > 1e-12*math.Abs(y[i]) {
				t.Fatalf("x[%d] = %v, with inputs 1024 times as large %v", i, x[i], y[i])
			}
		}
	})
}

// Along a direction in which a round of local work contracts by a the delayed iteration is stable exactly when
// beta + lr a < 1 (ALGORITHMS.md section 3); waiting for every round, heavy ball is up to lr a < 2 (1 + beta).
func TestStabilityBoundOfTheDelay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := OuterConfig{Kind: "co2", Penalty: "constant", Clip: "none"}
		c.Momentum = rapid.Float64Range(0, .9).Draw(t, "beta")
		a := rapid.Float64Range(.2, 1).Draw(t, "a")
		sum := rapid.SampledFrom([]float64{.97, 1.03}).Draw(t, "beta + lr a")
		c.LR = (sum - c.Momentum) / a
		o := newCO2(t, c, 1)
		x := []float64{1}
		made := a
		for range 4000 {
			next := a * x[0]
			o.Step(x, x, []float64{made}, 1, 1)
			made = next
		}
		if stable := math.Abs(x[0]) < 1; stable != (sum < 1) {
			t.Fatalf("beta + lr a = %v ends at %v", sum, x[0])
		}
	})
}

// Clients with the same curvature that start where Predict says: their mean goes where it would go if everybody waited,
// bit by bit but for rounding, whatever the rate, the momentum, and what each of them wants.
func TestPredictionTakesTheDelayOut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := OuterConfig{
			Kind: "co2", LR: rapid.Float64Range(.1, 1.2).Draw(t, "lr"), Momentum: rapid.Float64Range(0, .95).Draw(t, "beta"),
			Penalty: "constant", Clip: "none",
		}
		a := rapid.Float64Range(.05, 1).Draw(t, "a")
		wants := rapid.SliceOfN(rapid.Float64Range(-10, 10), 1, 6).Draw(t, "wants")
		delta := func(i int, x float64) []float64 { return []float64{a * (x - wants[i])} }
		share := 1 / float64(len(wants))

		waiting, early := newCO2(t, c, 1), newCO2(t, c, 1)
		x, y, before := []float64{3}, []float64{3}, []float64{3}
		pending := make([][]float64, len(wants))
		for i := range wants {
			pending[i] = delta(i, y[0])
		}
		for round := range 30 {
			sum, made := []float64{0}, []float64{0}
			for i := range wants {
				sum[0] += delta(i, x[0])[0]
				made[0] += pending[i][0]
				start := []float64{0}
				Predict(start, c, y, before, 1, pending[i])
				pending[i] = delta(i, start[0])
			}
			waiting.Step(x, x, sum, share, 1)
			copy(before, y)
			early.Step(y, y, made, share, 1)
			if math.Abs(x[0]-y[0]) > 1e-9*(1+math.Abs(x[0])) {
				t.Fatalf("round %d: %v with prediction, %v by waiting", round, y[0], x[0])
			}
		}
	})
}

func TestPredictionWithNothingPendingIsTheModel(t *testing.T) {
	start := []float64{0}
	Predict(start, co2Config(), []float64{5}, []float64{4}, 1)
	if start[0] != 5 {
		t.Errorf("start %v, want 5", start[0])
	}
	Predict(start, OuterConfig{Kind: "sgd", LR: .5}, []float64{5}, []float64{9}, 1, []float64{2}, []float64{4})
	if start[0] != 2 {
		t.Errorf("sgd with two pending updates: start %v, want 5 - .5 (2 + 4)", start[0])
	}
	Predict(start, OuterConfig{Kind: "co2", LR: 1, Momentum: .5}, []float64{5}, []float64{1}, 2, []float64{2}, []float64{4})
	if want := 5 + (.5*2 - 2) + (.5*(.5*2-2) - 4); start[0] != want {
		t.Errorf("co2 with the version before last: start %v, want %v", start[0], want)
	}
	Predict(start, OuterConfig{Kind: "co2", LR: 1, Momentum: .5}, []float64{5}, nil, 0, []float64{2})
	if start[0] != 3 {
		t.Errorf("co2 with a first version: start %v, want 5 - 2", start[0])
	}
}

// Both halves of the prediction are needed: on f = x^2/2, at lr 1 and momentum .9, starts that look ahead by the
// momentum alone, or by the client's own progress alone, diverge as starts from the newest model do.
func TestHalfAPredictionIsNotStable(t *testing.T) {
	c := OuterConfig{Kind: "co2", LR: 1, Momentum: .9, Penalty: "constant", Clip: "none"}
	ends := func(start func(x, before, pending []float64) float64) float64 {
		o := newCO2(t, c, 1)
		x, before := []float64{1}, []float64{1}
		pending := []float64{x[0]} // a round of local work that goes all the way: a = 1
		for range 400 {
			made := []float64{pending[0]}
			pending[0] = start(x, before, pending)
			copy(before, x)
			o.Step(x, x, made, 1, 1)
		}
		return math.Abs(x[0])
	}
	for name, start := range map[string]func(x, before, pending []float64) float64{
		"newest":       func(x, _, _ []float64) float64 { return x[0] },
		"momentum":     func(x, before, _ []float64) float64 { return x[0] + .9*(x[0]-before[0]) },
		"own progress": func(x, _, pending []float64) float64 { return x[0] - pending[0] },
	} {
		if end := ends(start); end < 1e3 {
			t.Errorf("%s alone comes to %v", name, end)
		}
	}
	both := func(x, before, pending []float64) float64 {
		y := []float64{0}
		Predict(y, c, x, before, 1, pending)
		return y[0]
	}
	if end := ends(both); end > 1e-3 {
		t.Errorf("the prediction comes to %v", end)
	}
}
