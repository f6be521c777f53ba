package learn

import (
	"math"
	"slices"
	"sync"
	"testing"

	"weir/config"
	"weir/problem"
)

// backwards runs the parts in reverse order, all at the same time.
func backwards(parts int, do func(part int)) {
	var all sync.WaitGroup
	for i := parts - 1; i >= 0; i-- {
		all.Go(func() { do(i) })
	}
	all.Wait()
}

func TestEvaluationDoesNotDependOnTheOrderOfItsParts(t *testing.T) {
	for _, kind := range []string{"logistic", "mlp"} {
		c := small()
		c.Problem.Model.Kind = kind
		p := open(t, c, "")
		x := randomModel(p, 1)
		if one, other := p.Evaluate(x, problem.Sequential), p.Evaluate(x, backwards); !slices.Equal(one, other) {
			t.Errorf("%s: %v and %v", kind, one, other)
		}
	}
}

// Accuracy and loss are those of a plain count, one sample at a time.
func TestEvaluationByAPlainProgram(t *testing.T) {
	p := open(t, small(), "")
	x := randomModel(p, 1)
	pass := p.network.NewPass(1)
	loss, right := 0.0, 0
	for i := range p.set.Test.Len() {
		p.set.Test.Read(pass.X, i)
		pass.Y[0] = int32(p.set.Test.Label(i))
		l, r := pass.Forward(x, 1)
		loss += l
		right += r
	}
	n := float64(p.set.Test.Len())
	m := p.Evaluate(x, problem.Sequential)
	gotLoss, _ := m.Get("loss")
	gotAccuracy, _ := m.Get("test_accuracy")
	if math.Abs(gotLoss-loss/n) > 1e-9 || gotAccuracy != float64(right)/n {
		t.Errorf("got %v, want loss %v and accuracy %v", m, loss/n, float64(right)/n)
	}
	if _, ok := m.Get("grad_norm"); ok {
		t.Error("grad_norm of a model that is not convex")
	}
}

// plainGradientNorm is the norm of the full gradient of softmax or logistic regression, in float64 throughout.
func plainGradientNorm(p *Problem, x []float32) float64 {
	features, outputs := p.set.Features, p.network.Outputs
	g, row, z := make([]float64, len(x)), make([]float32, features), make([]float64, outputs)
	for _, s := range p.deal.All() {
		p.set.Train.Read(row, int(s))
		y := p.set.Train.Label(int(s))
		for k := range z {
			z[k] = 0
			if outputs > 1 {
				z[k] = float64(x[features*outputs+k])
			}
			for j, v := range row {
				z[k] += float64(v) * float64(x[j*outputs+k])
			}
		}
		for k := range z {
			r := 1/(1+math.Exp(-z[0])) - float64(y)
			if outputs > 1 {
				sum := 0.0
				for _, other := range z {
					sum += math.Exp(other - z[k])
				}
				r = 1 / sum
				if k == y {
					r--
				}
				g[features*outputs+k] += r
			}
			for j, v := range row {
				g[j*outputs+k] += r * float64(v)
			}
		}
	}
	squares := 0.0
	for i := range g {
		v := g[i]/float64(len(p.deal.All())) + p.l2*float64(x[i])
		squares += v * v
	}
	return math.Sqrt(squares)
}

func TestGradientNormByAPlainProgram(t *testing.T) {
	c := small()
	c.Problem.Model.Kind, c.Problem.L2 = "logistic", 1e-3
	p := open(t, c, "")
	x := randomModel(p, 1)
	got, _ := p.Evaluate(x, problem.Sequential).Get("grad_norm")
	if want := plainGradientNorm(p, x); math.Abs(got/want-1) > 1e-6 {
		t.Errorf("got %v, want %v", got, want)
	}
}

// Where the gradient is small, at the end of gradient descent on a9a, it is still measured well. The rate is one over
// the smoothness, as in the comparison of feedback rules.
func TestGradientDescentOnA9A(t *testing.T) {
	c := config.Default()
	c.Problem.Dataset, c.Problem.Model.Kind = "a9a", "logistic"
	c.Problem.Partition.Kind, c.Problem.L2 = "sorted", 1e-3
	c.Clients.Count = 10
	c.Local.Batch, c.Local.Epochs, c.Local.Steps = 0, 0, 1
	p := open(t, c, dataFolder(t, "a9a"))
	smoothness := p.Smoothness()
	if math.Abs(smoothness-1.57292) > 1e-5 {
		t.Errorf("the smoothness of a9a with l2 1e-3 is %.6f, want 1.57292", smoothness)
	}
	p.local.LR = 1 / smoothness
	x := make([]float32, p.Dim())
	p.Start(x)
	norm := 0.0
	rounds(t, p, x, 60, 10, 1, func(int) {})
	norm, _ = p.Evaluate(x, problem.Sequential).Get("grad_norm")
	if want := plainGradientNorm(p, x); math.Abs(norm/want-1) > 1e-4 || norm > .03 {
		t.Errorf("after 60 steps the gradient's norm is %v; in float64 it is %v", norm, want)
	}
}

// A set without a test part is measured on its training data.
// Training data that is held out is evaluated under a name of its own, and no client has it.
func TestEvaluationOfHeldOutData(t *testing.T) {
	c := small()
	whole := open(t, c, "")
	c.Evaluate.Split = "validation"
	p := open(t, c, "")
	metrics := p.Evaluate(randomModel(p, 1), problem.Sequential)
	if _, is := metrics.Get("validation_accuracy"); !is || len(metrics) != len(whole.Evaluate(randomModel(p, 1), problem.Sequential)) {
		t.Errorf("metrics %v", metrics)
	}
	if _, is := metrics.Get("test_accuracy"); is {
		t.Error("it is called a test accuracy")
	}
	if have, want := len(p.deal.All()), len(whole.deal.All())-p.set.Test.Len(); have != want {
		t.Errorf("clients have %d samples, want %d", have, want)
	}
}

func TestEvaluationWithoutATestPart(t *testing.T) {
	c := small()
	c.Problem.Dataset, c.Problem.Model.Kind = "w8a", "logistic"
	p := open(t, c, dataFolder(t, "w8a"))
	m := p.Evaluate(make([]float32, p.Dim()), problem.Sequential)
	if loss, _ := m.Get("loss"); math.Abs(loss-math.Ln2) > 1e-6 {
		t.Errorf("a model of zeros has the loss %v, want ln 2", loss)
	}
}
