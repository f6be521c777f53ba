package learn

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"weir/config"
	"weir/problem"
)

// randomModel is a point away from the start, where no gradient vanishes.
func randomModel(p *Problem, seed uint64) []float32 {
	random := rand.New(rand.NewPCG(seed, 9))
	x := make([]float32, p.Dim())
	for i := range x {
		x[i] = float32(.2 * random.NormFloat64())
	}
	return x
}

func doWork(tb testing.TB, o problem.Operator[float32], r problem.Round, x []float32) ([]float32, problem.Report) {
	tb.Helper()
	delta := make([]float32, len(x))
	report, err := o.Work(context.Background(), r, x, delta)
	if err != nil {
		tb.Fatal(err)
	}
	return delta, report
}

// locals are ways to do local work that take every path through a step.
var locals = map[string]func(*config.Local){
	"plain":            func(*config.Local) {},
	"momentum":         func(l *config.Local) { l.Momentum = .9 },
	"clipped proximal": func(l *config.Local) { l.Clip, l.Prox, l.WeightDecay = .5, .1, .01 },
	"full batch":       func(l *config.Local) { l.Batch = 0 },
}

// The same round has the same bits, whoever does it and whatever was done before.
func TestWorkIsAFunctionOfTheRound(t *testing.T) {
	for name, change := range locals {
		t.Run(name, func(t *testing.T) {
			c := small()
			change(&c.Local)
			p, again := open(t, c, ""), open(t, c, "")
			x := randomModel(p, 1)
			before := slices.Clone(x)
			r := problem.Round{Client: 3, Seed: 77}
			want, wantReport := doWork(t, p.Operator(), r, x)
			if !slices.Equal(x, before) {
				t.Error("the base model was changed")
			}
			o := again.Operator()
			for other := range 3 {
				doWork(t, o, problem.Round{Client: other, Seed: uint64(other)}, randomModel(p, 2))
			}
			got, report := doWork(t, o, r, x)
			if !slices.Equal(got, want) || report != wantReport {
				t.Errorf("%+v became %+v", wantReport, report)
			}
			if name == "full batch" {
				return // the seed draws nothing there
			}
			if other, _ := doWork(t, o, problem.Round{Client: 3, Seed: 78}, x); slices.Equal(other, want) {
				t.Error("another seed gives the same difference")
			}
		})
	}
}

// How much is done in a round of a client with 100 samples.
func TestHowMuchWork(t *testing.T) {
	for _, test := range []struct {
		name        string
		epochs      float64
		steps       int
		batch       int
		round       float64 // Round.Epochs
		wantSteps   int
		wantSamples int
	}{
		{"an epoch", 1, 0, 32, 0, 4, 100},
		{"two epochs", 2, 0, 32, 0, 8, 200},
		{"half an epoch", .5, 0, 32, 0, 2, 50},
		{"next to nothing", 1e-9, 0, 32, 0, 1, 1},
		{"steps", 0, 5, 32, 0, 5, 132},
		{"full batch", 3, 0, 0, 0, 3, 300},
		{"a batch larger than the data", 1, 0, 512, 0, 1, 100},
		{"a time budget", 0, 0, 50, 1.5, 3, 150},
		{"a time budget instead of steps", 0, 9, 50, 1.5, 3, 150},
	} {
		c := small()
		c.Clients.Count, c.Problem.Partition.Kind = 100, "iid"
		c.Local.Epochs, c.Local.Steps, c.Local.Batch = test.epochs, test.steps, config.Batch(test.batch)
		p := open(t, c, "")
		_, report := doWork(t, p.Operator(), problem.Round{Epochs: test.round}, randomModel(p, 1))
		if report.Steps != test.wantSteps || report.Samples != test.wantSamples {
			t.Errorf("%s: %d steps on %d samples, want %d on %d", test.name, report.Steps, report.Samples, test.wantSteps, test.wantSamples)
		}
	}
}

// Each pass over the data takes every sample once, in another order.
func TestAPassTakesEverySampleOnce(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	for n := range 8 {
		rest := []int32{0, 1, 2, 3, 4, 5, 6, 7}
		var taken []int32
		for len(rest) > 0 {
			k := min(n+1, len(rest))
			draw(rest, k, random)
			taken, rest = append(taken, rest[:k]...), rest[k:]
		}
		if slices.IsSorted(taken) {
			t.Errorf("batches of %d: the samples are not shuffled", n+1)
		}
		slices.Sort(taken)
		if !slices.Equal(taken, []int32{0, 1, 2, 3, 4, 5, 6, 7}) {
			t.Errorf("batches of %d take %v", n+1, taken)
		}
	}
}

// Steps of every kind are those of a plain program in float64 that takes the gradient as given. Full batches, so that
// the order of the samples does not matter.
func TestStepsByAPlainProgram(t *testing.T) {
	for _, l := range []config.Local{
		{LR: .1},
		{LR: .1, WeightDecay: .3},
		{LR: .1, Momentum: .9},
		{LR: .1, Clip: .05},
		{LR: .1, Prox: .7},
		{LR: .1, Momentum: .5, Clip: .1, Prox: .2, WeightDecay: .1},
	} {
		t.Run(fmt.Sprintf("%+v", l), func(t *testing.T) {
			c := small()
			c.Problem.L2 = .05
			l.Steps = 4
			c.Local = l
			p := open(t, c, "")
			x := randomModel(p, 5)
			got, _ := doWork(t, p.Operator(), problem.Round{Client: 2}, x)
			want := plainSteps(p, 2, x)
			for i := range want {
				if math.Abs(float64(got[i])-want[i]) > 1e-5 {
					t.Fatalf("parameter %d moved by %.7f, want %.7f", i, -got[i], -want[i])
				}
			}
		})
	}
}

func plainSteps(p *Problem, client int, x []float32) []float64 {
	l, d := p.local, len(x)
	w, velocity, moved := make([]float64, d), make([]float64, d), make([]float32, d)
	for i, v := range x {
		w[i] = float64(v)
	}
	for range l.Steps {
		for i, v := range w {
			moved[i] = float32(v)
		}
		e := p.evaluator()
		g := e.gradient(moved, p.set.Train, p.deal.Of(client))
		norm := 0.0
		for i := range g {
			g[i] = g[i]/float64(p.Samples(client)) + p.l2*w[i] + l.Prox*(w[i]-float64(x[i]))
			norm += g[i] * g[i]
		}
		if norm = math.Sqrt(norm); l.Clip > 0 && norm > l.Clip {
			for i := range g {
				g[i] *= l.Clip / norm
			}
		}
		for i := range w {
			velocity[i] = l.Momentum*velocity[i] + g[i] + l.WeightDecay*w[i]
			w[i] -= l.LR * velocity[i]
		}
	}
	delta := make([]float64, d)
	for i := range delta {
		delta[i] = float64(x[i]) - w[i]
	}
	return delta
}

// The loss of a report is the mean over the samples before their steps: with one full step, that of the base model.
func TestReportedLoss(t *testing.T) {
	c := small()
	c.Clients.Count, c.Problem.Partition.Kind, c.Local = 1, "iid", config.Local{LR: .1, Steps: 1}
	p := open(t, c, "")
	p.set.Test = nil // evaluate on the training data
	x := randomModel(p, 1)
	_, report := doWork(t, p.Operator(), problem.Round{}, x)
	loss, _ := p.Evaluate(x, problem.Sequential).Get("loss")
	if math.Abs(report.Loss-loss) > 1e-6*loss {
		t.Errorf("the report says %v, the evaluation %v", report.Loss, loss)
	}
}

func TestWorkStopsWhenToldTo(t *testing.T) {
	p := open(t, small(), "")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	x := randomModel(p, 1)
	if _, err := p.Operator().Work(ctx, problem.Round{}, x, make([]float32, len(x))); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// A loss that overflows is reported, not hidden.
func TestDivergenceShows(t *testing.T) {
	for _, activation := range []string{"relu", "selu"} {
		c := small()
		c.Problem.Model.Activation = activation
		c.Local.LR, c.Local.Epochs = 1e6, 5
		p := open(t, c, "")
		delta, report := doWork(t, p.Operator(), problem.Round{}, randomModel(p, 1))
		finite := !slices.ContainsFunc(delta, func(v float32) bool { return v-v != 0 })
		if finite && report.Loss < 1e6 {
			t.Errorf("%s: a rate of a million gives a loss of %v and finite parameters", activation, report.Loss)
		}
	}
}
