package waterfill

import (
	"context"
	"math"
	"slices"
	"testing"

	"weir/problem/certificate"
)

const exact = 1e-12

func wantAll(t *testing.T, name string, got, want []float64, within float64) {
	t.Helper()
	for i, v := range want {
		if len(got) != len(want) || math.Abs(got[i]-v) > within {
			t.Errorf("%s is %v, want %v", name, got, want)
			return
		}
	}
}

// ALGORITHMS.md section 5: one user.
func TestWorkedWaterLevels(t *testing.T) {
	inf := math.Inf(1)
	for _, test := range []struct {
		mask   []float64
		budget float64
		want   []float64
		level  float64
	}{
		{nil, 3, []float64{2, 1, 0}, 3},
		{[]float64{1, inf, inf}, 3, []float64{1, 2, 0}, 4},
		{nil, 9, []float64{13. / 3, 10. / 3, 4. / 3}, 16. / 3},
		{[]float64{1, 1, 0}, 3, []float64{1, 1, 0}, 4}, // the budget is above the masks
		{nil, 0, []float64{0, 0, 0}, 1},
	} {
		var f Filler
		p := make([]float64, 3)
		level := f.Fill(p, []float64{1, 2, 4}, test.mask, test.budget)
		wantAll(t, "p", p, test.want, exact)
		if math.Abs(level-test.level) > exact {
			t.Errorf("level %v, want %v", level, test.level)
		}
	}
}

func parse(t testing.TB, text string) *Game {
	t.Helper()
	g, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// trace plays some iterations and returns the powers before each and after the last.
func trace(t *testing.T, g *Game, opt Options, iterations int) (powers [][]float64) {
	t.Helper()
	opt.Max = iterations
	opt.Observe = func(s Step) { powers = append(powers, slices.Clone(s.Power)) }
	if _, err := Solve(context.Background(), g, opt); err != nil {
		t.Fatal(err)
	}
	return powers
}

const workedGame = `{"gain": [[[1,1],[0.5,0.25]],[[0.25,0.5],[1,1]]], "noise": [[0.1,0.5],[0.5,0.1]], "budget": [1,1], "start": [[0.5,0.5],[0.5,0.5]]}`

// ALGORITHMS.md section 5: two users on two carriers.
func TestWorkedGame(t *testing.T) {
	g := parse(t, workedGame)
	c, err := certificate.Of(g.Lipschitz())
	if err != nil || !c.Certified || math.Abs(c.Rho-.5) > exact || math.Abs(c.Rate-.5) > exact {
		t.Errorf("certificate %+v, %v", c, err)
	}
	opt := DefaultOptions()
	for i, want := range [][]float64{
		{.5, .5, .5, .5},
		{51. / 80, 29. / 80, 29. / 80, 51. / 80},
		{441. / 640, 199. / 640, 199. / 640, 441. / 640},
		{3627. / 5120, 1493. / 5120, 1493. / 5120, 3627. / 5120},
	} {
		wantAll(t, "simultaneous", trace(t, g, opt, 3)[i], want, exact)
	}
	opt.Schedule = Sequential
	for i, want := range [][]float64{
		{.5, .5, .5, .5},
		{51. / 80, 29. / 80, 199. / 640, 441. / 640},
		{3627. / 5120, 1493. / 5120},
	} {
		wantAll(t, "sequential", trace(t, g, opt, 2)[i][:len(want)], want, exact)
	}
	for _, schedule := range Schedules() {
		opt.Schedule = schedule
		result, err := Solve(context.Background(), g, opt)
		if err != nil || !result.Converged || result.CycleLength != 0 {
			t.Fatalf("%s: %+v, %v", schedule, result, err)
		}
		wantAll(t, schedule+" equilibrium", result.Power, []float64{.72, .28, .28, .72}, exact)
	}
	insr := make([]float64, 2)
	p := []float64{.72, .28, .28, .72}
	g.INSR(0, p, insr)
	wantAll(t, "insr", insr, []float64{.1 + .5*.28, .5 + .25*.72}, exact)
	if rate := Rate(g.Block(p, 0), insr); math.Abs(rate-(math.Log2(1+.72/.24)+math.Log2(1+.28/.68))) > exact {
		t.Errorf("rate %v", rate)
	}
}

const cyclingGame = `{"gain": [[[1,1],[2,2]],[[2,2],[1,1]]], "noise": [[0.1,0.1],[0.1,0.1]], "budget": [1,1], "start": [[0.9,0.1],[0.8,0.2]]}`

// ALGORITHMS.md section 5: two users that get out of each other's way at the same time, for ever.
func TestWorkedCycle(t *testing.T) {
	g := parse(t, cyclingGame)
	c, err := certificate.Of(g.Lipschitz())
	if err != nil || c.Certified || math.Abs(c.Rho-2) > exact {
		t.Errorf("certificate %+v, %v", c, err)
	}
	opt := DefaultOptions()
	opt.Certificate = c
	powers := trace(t, g, opt, 3)
	for i, want := range [][]float64{{0, 1, 0, 1}, {1, 0, 1, 0}, {0, 1, 0, 1}} {
		wantAll(t, "simultaneous", powers[i+1], want, exact)
	}
	result, err := Solve(context.Background(), g, opt)
	if err != nil || result.Converged || result.CycleLength != 2 {
		t.Errorf("simultaneous: %+v, %v", result, err)
	}
	relax, err := LargestRelaxation(context.Background(), g, opt, nil)
	if err != nil || relax < .25 || relax >= 1 {
		t.Errorf("settles with %v, %v", relax, err)
	}
	opt.Schedule = Sequential
	result, err = Solve(context.Background(), g, opt)
	if err != nil || !result.Converged || result.CycleLength != 0 {
		t.Fatalf("sequential: %+v, %v", result, err)
	}
	wantAll(t, "sequential equilibrium", result.Power, []float64{0, 1, 1, 0}, exact)
}
