package waterfill

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"weir/problem/certificate"
)

// errorsOf returns ||p_q - want_q|| by user.
func errorsOf(g *Game, p, want []float64) []float64 {
	e := make([]float64, g.Users)
	for q := range e {
		e[q] = distance(g.Block(p, q), g.Block(want, q))
	}
	return e
}

// Over 1,000 random certified games and every schedule: the distance from the independent solver's equilibrium falls at
// least by the certified rate a cycle, and the error bound holds at every iteration. Both are given what rounding makes
// of a distance.
func TestThousandCertifiedGames(t *testing.T) {
	const games = 1000
	rounding := 1e-12
	measured, loosest := 0, math.Inf(1) // cycles that were judged, and how near the bound came to the distance
	worst := 0.0                        // measured contraction over the certified
	for seed := range uint64(games) {
		r := rand.New(rand.NewPCG(seed, 5))
		g := scaled(t, drawGame(t, seed, 2+r.IntN(5), 1+r.IntN(8)), .05+.93*r.Float64())
		want := equilibrium(t, g)
		c, err := certificate.Of(g.Lipschitz())
		if want == nil || err != nil || !c.Certified {
			t.Fatalf("game %d: %v, %v", seed, want, err)
		}
		opt := DefaultOptions()
		opt.Schedule, opt.Certificate, opt.Max, opt.Seed = Schedules()[seed%3], c, 200, seed
		opt.Relax = []float64{1, 1, .6}[r.IntN(3)]
		opt.Pause = .2
		allowed, cycles := 0.0, 0
		opt.Observe = func(s Step) {
			e := c.Norm(errorsOf(g, s.Power, want))
			bound := s.ErrorBound(c)
			if e > bound*(1+1e-9)+rounding {
				t.Errorf("game %d, %s, iteration %d: the error bound %v is below the distance %v", seed, opt.Schedule, s.Iteration, bound, e)
			}
			if e > 1e-6 {
				loosest = min(loosest, e/bound)
			}
			if s.Iteration == 0 {
				allowed = e
				return
			}
			before := allowed
			for ; cycles < s.Cycles; cycles++ {
				allowed *= c.RelaxedRate(opt.Relax)
			}
			if e > allowed*(1+1e-9)+rounding {
				t.Errorf("game %d, %s, cycle %d: %v from the equilibrium, certified to be within %v", seed, opt.Schedule, s.Cycles, e, allowed)
			}
			if allowed < before && before > 1e-6 {
				measured++
				worst = max(worst, e/allowed)
			}
			if opt.Schedule != Async { // each cycle by itself
				allowed = e
			}
		}
		if _, err := Solve(context.Background(), g, opt); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d cycles; the slowest took %.3f of the certified contraction; the distance was at least %.2g of the error bound", measured, worst, loosest)
	if measured < games || worst < .5 {
		t.Errorf("only %d cycles were judged, the slowest at %v of its bound: the test sees nothing", measured, worst)
	}
}

// Games of any strength: what is called an equilibrium is one, what is called a cycle comes back and is none, and a
// relaxation that is said to settle does.
func TestStrongGamesAreCalledWhatTheyAre(t *testing.T) {
	settled, cycled, relaxed, undecided := 0, 0, 0, 0
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 6))
		g := scaled(t, drawGame(t, seed, 2+r.IntN(4), 2+r.IntN(4)), 1+9*r.Float64())
		opt := DefaultOptions()
		opt.Max = 3000
		opt.Schedule = Schedules()[seed%2]
		opt.Certificate, _ = certificate.Of(g.Lipschitz())
		if opt.Certificate.Certified {
			t.Fatalf("game %d: certified with rho %v", seed, opt.Certificate.Rho)
		}
		result, err := Solve(context.Background(), g, opt)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case result.Converged:
			settled++
			checkRest(t, g, result.Power)
		case result.CycleLength > 0:
			cycled++
			checkCycle(t, g, opt, result)
			relax, err := LargestRelaxation(context.Background(), g, opt, nil)
			if err != nil {
				t.Fatal(err)
			}
			if relax == 0 {
				continue
			}
			relaxed++
			opt.Relax = relax
			if again, err := Solve(context.Background(), g, opt); err != nil || !again.Converged {
				t.Errorf("game %d does not settle with the relaxation %v: %+v, %v", seed, relax, again, err)
			} else {
				checkRest(t, g, again.Power)
			}
		default:
			undecided++
		}
	}
	t.Logf("of 300 games with rho from 1 to 10: %d settled, %d went round in cycles (%d of them settle when relaxed), %d did neither in 3,000 iterations", settled, cycled, relaxed, undecided)
	if settled == 0 || cycled == 0 || relaxed == 0 {
		t.Error("one of the outcomes never happened: the test sees nothing")
	}
}

// checkRest fails unless everybody plays a best response, by plain water-filling.
func checkRest(t *testing.T, g *Game, p []float64) {
	t.Helper()
	insr := make([]float64, g.Carriers)
	for q := range g.Users {
		g.INSR(q, p, insr)
		if off := distance(plainFill(insr, g.mask[q], g.budget[q]), g.Block(p, q)); off > 1e-10 {
			t.Errorf("user %d is %v away from its best response", q, off)
		}
	}
}

// checkCycle fails unless the powers come back after the given number of iterations, and not before.
func checkCycle(t *testing.T, g *Game, opt Options, result *Result) {
	t.Helper()
	again := *g
	for q := range g.Users {
		again.start = append(again.start[:q:q], append([]float64(nil), g.Block(result.Power, q)...))
	}
	opt.Max = result.CycleLength
	opt.Observe = func(s Step) {
		back := largestDifference(s.Power, result.Power) < 1e-9
		if whole := s.Iteration%result.CycleLength == 0; back != whole {
			t.Errorf("a cycle of %d: after %d iterations back is %v", result.CycleLength, s.Iteration, back)
		}
	}
	opt.Certificate = &certificate.Certificate{Certified: true} // so that nobody looks for the cycle
	if _, err := Solve(context.Background(), &again, opt); err != nil {
		t.Fatal(err)
	}
}

// Measurement errors of a norm of up to eps x_q leave play within eps/(1-rate) of the equilibrium.
func TestNoisyMeasurements(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := scaled(t, drawGame(t, rapid.Uint64().Draw(t, "game"), 3, 6), rapid.Float64Range(.05, .9).Draw(t, "rho"))
		want := equilibrium(t, g)
		if want == nil {
			t.Fatal("the reference found no equilibrium")
		}
		c, _ := certificate.Of(g.Lipschitz())
		opt := DefaultOptions()
		opt.Certificate, opt.Noise = c, rapid.Float64Range(1e-6, .1).Draw(t, "noise")
		opt.Seed, opt.Max = rapid.Uint64().Draw(t, "seed"), 400
		noise := make([]float64, g.Users)
		for q := range noise {
			noise[q] = opt.Noise
		}
		floor, first := c.ErrorBound(noise), 0.0
		opt.Observe = func(s Step) {
			e := c.Norm(errorsOf(g, s.Power, want))
			if s.Iteration == 0 {
				first = e
			}
			if allowed := first*math.Pow(c.Rate, float64(s.Iteration)) + floor; e > allowed+1e-12 {
				t.Fatalf("iteration %d: %v from the equilibrium, more than %v", s.Iteration, e, allowed)
			}
			checkFeasible(t, g, s.Power)
		}
		if _, err := Solve(context.Background(), g, opt); err != nil {
			t.Fatal(err)
		}
	})
}

// Users that measure some carriers before an update, and keep their power on the others, come to the same equilibrium.
func TestPartialMeasurements(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := scaled(t, drawGame(t, rapid.Uint64().Draw(t, "game"), 3, 8), rapid.Float64Range(.05, .6).Draw(t, "rho"))
		want := equilibrium(t, g)
		if want == nil {
			t.Fatal("the reference found no equilibrium")
		}
		opt := DefaultOptions()
		opt.Schedule = rapid.SampledFrom(Schedules()).Draw(t, "schedule")
		opt.Share, opt.Max = rapid.Float64Range(.3, .9).Draw(t, "share"), 100_000
		opt.Observe = func(s Step) { checkFeasible(t, g, s.Power) }
		result, err := Solve(context.Background(), g, opt)
		if err != nil || !result.Converged {
			t.Fatalf("%+v, %v", result, err)
		}
		for i, v := range result.Power {
			if math.Abs(v-want[i]) > 1e-10 {
				t.Fatalf("p[%d] = %v, want %v", i, v, want[i])
			}
		}
	})
}

func TestAnInterruptedPlayReturnsWhereItIs(t *testing.T) {
	g := drawGame(t, 1, 3, 4)
	ctx, cancel := context.WithCancel(context.Background())
	opt := DefaultOptions()
	opt.Observe = func(s Step) {
		if s.Iteration == 1 {
			cancel()
		}
	}
	result, err := Solve(ctx, g, opt)
	if err != context.Canceled || result.Iteration != 1 || result.Converged { //nolint:errorlint // as it is
		t.Errorf("%+v, %v", result, err)
	}
}

// All cores come to the same bits as one.
func TestCoresDoNotMatter(t *testing.T) {
	g, err := Generator{Kind: Rayleigh, Users: 40, Carriers: 512, Cross: .002, Neighbours: 6, Seed: 3}.Draw()
	if err != nil {
		t.Fatal(err)
	}
	p := g.Start()
	many, one := make([]float64, len(p)), make([]float64, len(p))
	c := &crew{}
	for range 4 {
		c.stations = append(c.stations, newStation(g))
	}
	c.each(g.Users, func(s *station, q int) { s.answer(g.Block(many, q), q, p) })
	s := newStation(g)
	for q := range g.Users {
		s.answer(g.Block(one, q), q, p)
	}
	for i := range one {
		if one[i] != many[i] {
			t.Fatalf("p[%d] = %v on four cores, %v on one", i, many[i], one[i])
		}
	}
}
