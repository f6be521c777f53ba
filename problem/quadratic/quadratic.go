// Package quadratic is the problem whose answers are known: client i of n minimises
//
//	f_i(x) = 1/2 (x - c_i)^T A_i (x - c_i),    x in R^d,
//
// in float64, by gradient steps on all of it, without chance. It is where a policy's bias is measured against where
// theory says it settles.
package quadratic

import (
	"context"
	"math"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"weir/config"
	"weir/problem"
)

// Problem is one set of clients. It implements problem.Problem[float64].
type Problem struct {
	start   []float64
	a       []*mat.SymDense // the symmetric part of A_i, which has the same f_i
	c       [][]float64
	samples []int
	share   []float64 // p_i
	optimum []float64

	lr    float64
	steps float64
}

// Open reads the problem in cfg.Problem.File: {"A": n matrices d x d, "c": n vectors, "theta0": d numbers}, and
// optionally "samples", n whole numbers that say how much each client counts. Faults are those of Config.Fault.
func Open(cfg config.Config) (*Problem, error) {
	if cfg.Problem.File == "" {
		return nil, cfg.Fault("problem.file", "kind quadratic needs a JSON file with A, c and theta0")
	}
	q, err := read(cfg.Problem.File)
	if err != nil {
		return nil, cfg.Fault("problem.file", "%w", err)
	}
	if n := len(q.A); n != cfg.Clients.Count {
		return nil, cfg.Fault("clients.count", "must be %d, the clients in %s", n, cfg.Problem.File)
	}
	l := cfg.Local
	for _, unused := range []struct {
		key   string
		value float64
	}{{"local.momentum", l.Momentum}, {"local.weight_decay", l.WeightDecay}, {"local.clip", l.Clip}, {"local.prox", l.Prox}} {
		if unused.value != 0 {
			return nil, cfg.Fault(unused.key, "a quadratic problem takes plain gradient steps: must be 0")
		}
	}
	p := newProblem(q)
	p.lr, p.steps = l.LR, max(float64(l.Steps), l.Epochs)
	return p, nil
}

func newProblem(q *file) *Problem {
	n, d := len(q.A), len(q.Theta0)
	p := &Problem{start: q.Theta0, c: q.C, samples: q.Samples, share: make([]float64, n)}
	if p.samples == nil {
		p.samples = make([]int, n)
		for i := range p.samples {
			p.samples[i] = 1
		}
	}
	total := 0
	for _, s := range p.samples {
		total += s
	}
	for i, rows := range q.A {
		p.share[i] = float64(p.samples[i]) / float64(total)
		a := mat.NewSymDense(d, nil)
		for j := range d {
			for k := j; k < d; k++ {
				a.SetSym(j, k, (rows[j][k]+rows[k][j])/2)
			}
		}
		p.a = append(p.a, a)
	}
	p.optimum = p.solve()
	return p
}

// solve returns the x with sum_i p_i A_i (x - c_i) = 0, or nil when the sum of p_i A_i is not positive definite.
func (p *Problem) solve() []float64 {
	d := p.Dim()
	h, b := mat.NewSymDense(d, nil), mat.NewVecDense(d, nil)
	for i, a := range p.a {
		var scaled mat.SymDense
		scaled.ScaleSym(p.share[i], a)
		h.AddSym(h, &scaled)
		var ac mat.VecDense
		ac.MulVec(&scaled, mat.NewVecDense(d, p.c[i]))
		b.AddVec(b, &ac)
	}
	var factor mat.Cholesky
	x := mat.NewVecDense(d, nil)
	if !factor.Factorize(h) || factor.SolveVecTo(x, b) != nil {
		return nil
	}
	return x.RawVector().Data
}

// Dim is d.
func (p *Problem) Dim() int { return len(p.start) }

// Clients is n.
func (p *Problem) Clients() int { return len(p.a) }

// Samples is how much a client counts.
func (p *Problem) Samples(client int) int { return p.samples[client] }

// Start writes theta0 into x.
func (p *Problem) Start(x []float64) { copy(x, p.start) }

// Optimum is the minimiser of the global objective sum_i p_i f_i, or nil when it has no unique one.
func (p *Problem) Optimum() []float64 { return p.optimum }

// Evaluate measures the global objective: loss, grad_norm, and x_star_distance = ||x - x*||_2 when there is an x*.
func (p *Problem) Evaluate(x []float64, _ problem.Each) problem.Metrics {
	d := len(x)
	loss := 0.0
	full, g, shifted := make([]float64, d), make([]float64, d), make([]float64, d)
	for i := range p.a {
		loss += p.share[i] * p.gradient(i, x, g, shifted)
		floats.AddScaled(full, p.share[i], g)
	}
	metrics := problem.Metrics{{Name: "loss", Value: loss}, {Name: "grad_norm", Value: floats.Norm(full, 2)}}
	if p.optimum != nil {
		metrics = append(metrics, problem.Metric{Name: "x_star_distance", Value: floats.Distance(x, p.optimum, 2)})
	}
	return metrics
}

// gradient writes A_i (x - c_i) into g and returns f_i(x). It writes x - c_i into shifted.
func (p *Problem) gradient(client int, x, g, shifted []float64) float64 {
	floats.SubTo(shifted, x, p.c[client])
	into := mat.NewVecDense(len(g), g)
	into.MulVec(p.a[client], mat.NewVecDense(len(shifted), shifted))
	return floats.Dot(shifted, g) / 2
}

// Operator returns a new operator.
func (p *Problem) Operator() problem.Operator[float64] {
	return &operator{p, make([]float64, p.Dim()), make([]float64, p.Dim())}
}

type operator struct {
	p          *Problem
	g, shifted []float64
}

// Work takes gradient steps from x; an epoch is one step, and a fraction of one is a whole step.
func (o *operator) Work(ctx context.Context, r problem.Round, x, delta []float64) (problem.Report, error) {
	steps := o.p.steps
	if r.Epochs > 0 {
		steps = r.Epochs
	}
	report := problem.Report{Steps: max(1, int(math.Round(steps)))}
	report.Samples = report.Steps * o.p.samples[r.Client]
	local := delta
	copy(local, x)
	for range report.Steps {
		if err := ctx.Err(); err != nil {
			return problem.Report{}, err
		}
		loss := o.p.gradient(r.Client, local, o.g, o.shifted)
		report.Loss += loss / float64(report.Steps)
		report.RMS += loss * loss / float64(report.Steps)
		floats.AddScaled(local, -o.p.lr, o.g)
	}
	report.RMS = math.Sqrt(report.RMS)
	floats.SubTo(delta, x, local)
	return report, nil
}
