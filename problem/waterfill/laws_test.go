package waterfill

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"weir/problem/certificate"
)

// filling is one water-filling problem.
type filling struct {
	insr, mask []float64
	budget     float64
}

func (f filling) solve() []float64 {
	p := make([]float64, len(f.insr))
	new(Filler).Fill(p, f.insr, f.mask, f.budget)
	return p
}

// drawFilling draws floors over many magnitudes, also such that fall off a mean of the rest one at a time, with and
// without masks.
func drawFilling(t *rapid.T) filling {
	n := rapid.OneOf(rapid.IntRange(1, 60), rapid.IntRange(500, 600)).Draw(t, "carriers")
	spread := rapid.SampledFrom([]float64{0, .1, 1, 5, 12}).Draw(t, "spread")
	masked := rapid.Bool().Draw(t, "masked")
	r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 2))
	f := filling{insr: make([]float64, n), budget: 10 * r.ExpFloat64()}
	for k := range n {
		f.insr[k] = math.Exp(spread * r.NormFloat64())
		if k > 0 && r.IntN(4) == 0 {
			f.insr[k] = f.insr[k-1] // bends that coincide
		}
	}
	if masked {
		f.mask = make([]float64, n)
		for k := range n {
			f.mask[k] = 3 * f.budget * r.Float64() / float64(n)
			if r.IntN(4) == 0 {
				f.mask[k] = []float64{0, math.Inf(1)}[r.IntN(2)]
			}
		}
		if rapid.Bool().Draw(t, "on a bend") { // carriers that are full hold all of the budget
			f.budget = 0
			for _, v := range f.mask[:n/2] {
				if !math.IsInf(v, 1) {
					f.budget += v
				}
			}
		}
	}
	return f
}

// level is the highest that the water of p stands.
func level(f filling, p []float64) float64 {
	top := 0.0
	for k, v := range p {
		if v > 0 {
			top = max(top, f.insr[k]+v)
		}
	}
	return top
}

// The operator against bisection, and feasible: the budget is used to 1e-12.
func TestFillAgainstBisection(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := drawFilling(t)
		p, want := f.solve(), plainFill(f.insr, f.mask, f.budget)
		top := level(f, p)
		for k, v := range p {
			if !(v >= 0) || f.mask != nil && v > f.mask[k] {
				t.Fatalf("p[%d] = %v is out of bounds", k, v)
			}
		}
		for k := range p {
			if math.Abs(p[k]-want[k]) > 1e-12*(1+top) {
				t.Fatalf("p[%d] = %v, want %v", k, p[k], want[k])
			}
		}
		budget := f.budget
		if f.mask != nil {
			budget = min(budget, total(f.mask))
		}
		if math.Abs(total(p)-budget) > 1e-12*budget {
			t.Fatalf("sum %v of a budget of %v", total(p), budget)
		}
	})
}

// Floors that no good guess helps with: each so far above the others that the mean of all is above all but one, with
// masks, and more of them than patience allows guesses.
func TestFillWhenGuessesFail(t *testing.T) {
	n := 6 * patience
	f := filling{insr: make([]float64, n), mask: make([]float64, n), budget: 1e-3}
	for k := range f.insr {
		f.insr[k] = math.Pow(10, float64(k*600/n)-300)
		f.mask[k] = f.insr[k] * 1e9
	}
	for _, mask := range [][]float64{nil, f.mask} {
		p := filling{f.insr, mask, f.budget}.solve()
		want := plainFill(f.insr, mask, f.budget)
		for k := range p {
			if math.Abs(p[k]-want[k]) > 1e-12*f.budget {
				t.Fatalf("masks %v: p[%d] = %v, want %v", mask != nil, k, p[k], want[k])
			}
		}
	}
}

// The bends that are tried last are sorted: the operator must come to the same from there alone.
func TestFillBySorting(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := drawFilling(t)
		var filler Filler
		filler.floor = f.insr
		filler.load(f.mask, f.budget, 1)
		bends := append([]span(nil), filler.open...)
		low, high := -math.MaxFloat64, math.MaxFloat64
		at := filler.bend(low, high, 2*patience)
		below, above := 0, 0
		for _, s := range bends {
			for _, v := range []float64{s.floor, s.ceiling} {
				if v < at {
					below++
				} else if v > at && v < high {
					above++
				}
			}
		}
		if below > len(bends) || above > len(bends) {
			t.Fatalf("%v has %d bends below and %d above", at, below, above)
		}
	})
}

func TestFillLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := drawFilling(t)
		n := len(f.insr)
		p := f.solve()
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "other"), 3))

		// Nonexpansive: ||WF(a) - WF(b)|| <= ||a - b||.
		other := filling{slices.Clone(f.insr), f.mask, f.budget}
		for k := range n {
			other.insr[k] += r.NormFloat64()
		}
		if moved, by := distance(p, other.solve()), distance(f.insr, other.insr); moved > by*(1+1e-9)+1e-9 {
			t.Fatalf("powers move by %v where floors move by %v", moved, by)
		}

		// A projection: -insr - p makes no acute angle with the way to any other feasible point.
		for range 5 {
			wish := make([]float64, n)
			for k := range n {
				wish[k] = f.budget * r.NormFloat64()
			}
			z := plainFill(wish, f.mask, f.budget)
			angle, scale := 0.0, 1e-4*f.budget*slices.Max(f.insr) // the points themselves are rounded
			for k := range n {
				angle += (-f.insr[k] - p[k]) * (z[k] - p[k])
				scale += math.Abs((f.insr[k] + p[k]) * (z[k] - p[k]))
			}
			if angle > 1e-9*(1+scale) {
				t.Fatalf("not a projection: %v", angle)
			}
		}

		// Relabelled carriers give relabelled powers.
		order := r.Perm(n)
		permuted := filling{make([]float64, n), nil, f.budget}
		if f.mask != nil {
			permuted.mask = make([]float64, n)
		}
		for k, from := range order {
			permuted.insr[k] = f.insr[from]
			if f.mask != nil {
				permuted.mask[k] = f.mask[from]
			}
		}
		within := 1e-12 * (level(f, p) + f.budget)
		for k, v := range permuted.solve() {
			if math.Abs(v-p[order[k]]) > within {
				t.Fatalf("carrier %d relabelled: %v, want %v", k, v, p[order[k]])
			}
		}

		// Other units give the same powers in those units.
		unit := math.Exp(3 * r.NormFloat64())
		inUnits := filling{make([]float64, n), nil, f.budget * unit}
		if f.mask != nil {
			inUnits.mask = make([]float64, n)
		}
		for k := range n {
			inUnits.insr[k] = f.insr[k] * unit
			if f.mask != nil {
				inUnits.mask[k] = f.mask[k] * unit
			}
		}
		for k, v := range inUnits.solve() {
			if math.Abs(v-unit*p[k]) > unit*within {
				t.Fatalf("carrier %d in other units: %v, want %v", k, v, unit*p[k])
			}
		}
	})
}

// checkFeasible fails unless every user's powers are in P_q.
func checkFeasible(t tb, g *Game, p []float64) {
	t.Helper()
	for q := range g.Users {
		own, budget := g.Block(p, q), g.budget[q]
		for k, v := range own {
			if v < 0 || g.mask[q] != nil && v > g.mask[q][k]*(1+1e-12) {
				t.Fatalf("user %d has %v on carrier %d", q, v, k)
			}
		}
		if g.mask[q] != nil {
			budget = min(budget, total(g.mask[q]))
		}
		if math.Abs(total(own)-budget) > 1e-12*budget {
			t.Fatalf("user %d sends %v of %v", q, total(own), budget)
		}
	}
}

// From any start, on every schedule, with measurements up to 50 updates old and users that rest: games with rho < 1 come
// to the equilibrium that an independent solver finds, to 1e-10, and every power on the way is feasible.
func TestEquilibriaAgainstTheSolver(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := scaled(t, drawGame(t, rapid.Uint64().Draw(t, "game"), rapid.IntRange(1, 6).Draw(t, "users"), rapid.IntRange(1, 9).Draw(t, "carriers")),
			rapid.Float64Range(.01, .98).Draw(t, "rho"))
		want := equilibrium(t, g)
		if want == nil {
			t.Fatal("the reference found no equilibrium")
		}
		opt := DefaultOptions()
		var err error
		if opt.Certificate, err = certificate.Of(g.Lipschitz()); err != nil || !opt.Certificate.Certified {
			t.Fatalf("%+v, %v", opt.Certificate, err)
		}
		opt.Schedule = rapid.SampledFrom(Schedules()).Draw(t, "schedule")
		opt.Relax = rapid.SampledFrom([]float64{1, 1, .7}).Draw(t, "relax")
		opt.Seed = rapid.Uint64().Draw(t, "seed")
		opt.Delay = rapid.IntRange(0, 50).Draw(t, "delay")
		opt.Pause = rapid.SampledFrom([]float64{0, .3}).Draw(t, "pause")
		opt.Tol, opt.Max = 1e-14, 100_000
		opt.Observe = func(s Step) { checkFeasible(t, g, s.Power) }
		result, err := Solve(context.Background(), g, opt)
		if err != nil || !result.Converged {
			t.Fatalf("%+v, %v", result, err)
		}
		for i, v := range result.Power {
			if math.Abs(v-want[i]) > 1e-10 {
				t.Fatalf("%s: p[%d] = %v, want %v", opt.Schedule, i, v, want[i])
			}
		}
	})
}
