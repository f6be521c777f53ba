// Package quadratic is the problem whose answers are known: client i minimises
//
//	f_i(x) = 1/2 (x - c_i)^T A_i (x - c_i)        x, c_i in R^d, A_i d by d
//
// by exact gradient steps in float64.
package quadratic

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"

	"gonum.org/v1/gonum/mat"

	"weir/config"
	"weir/problem"
)

// maxDim bounds what a file may ask for: d*d numbers a client.
const maxDim = 4096

// Problem is a quadratic of n clients.
type Problem struct {
	a       []*mat.Dense // symmetric part of A_i
	c       []*mat.VecDense
	start   []float64
	samples []int
	optimum []float64 // nil when it is not unique
	lr      float64
	steps   int
}

// file is the JSON form: A is n times d by d, c is n times d, theta0 is d; samples (n whole numbers, the clients'
// importances) may be left out and is then 1 for each.
type file struct {
	A       [][][]float64 `json:"A"`
	C       [][]float64   `json:"c"`
	Theta0  []float64     `json:"theta0"`
	Samples []int         `json:"samples"`
}

// Open reads the problem that cfg.Problem.File describes. Local work is cfg.Local.Steps exact gradient steps (one for
// each of its epochs) at cfg.Local.LR.
func Open(cfg config.Config) (*Problem, error) {
	name := cfg.Problem.File
	if name == "" {
		return nil, cfg.Fault("problem.file", `must name a JSON file with A, c and theta0, such as {"A": [[[1]]], "c": [[6]], "theta0": [0]}`)
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, cfg.Fault("problem.file", "%v", err)
	}
	var f file
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		return nil, cfg.Fault("problem.file", "%v", err)
	}
	p, err := build(f)
	if err != nil {
		return nil, cfg.Fault("problem.file", "%v", err)
	}
	if cfg.Clients.Count != len(p.c) {
		return nil, cfg.Fault("clients.count", "must be %d, the clients that %s describes", len(p.c), name)
	}
	p.lr = cfg.Local.LR
	p.steps = max(cfg.Local.Steps, int(math.Round(cfg.Local.Epochs)))
	return p, nil
}

func build(f file) (*Problem, error) {
	n, d := len(f.C), len(f.Theta0)
	if n == 0 || d == 0 || d > maxDim || len(f.A) != n {
		return nil, fmt.Errorf("%d clients in A, %d in c, %d parameters in theta0: A and c must have one entry for each client, theta0 between 1 and %d numbers", len(f.A), n, d, maxDim)
	}
	if f.Samples != nil && (len(f.Samples) != n || slices.Min(f.Samples) < 1) {
		return nil, fmt.Errorf("samples: must be %d whole numbers above 0", n)
	}
	p := &Problem{start: f.Theta0, samples: f.Samples}
	for i := range n {
		if len(f.A[i]) != d || len(f.C[i]) != d {
			return nil, fmt.Errorf("client %d: A has %d rows and c %d numbers: must be %d as in theta0", i, len(f.A[i]), len(f.C[i]), d)
		}
		a := mat.NewDense(d, d, nil)
		for r, row := range f.A[i] {
			if len(row) != d {
				return nil, fmt.Errorf("client %d: row %d of A has %d numbers: must be %d", i, r, len(row), d)
			}
			for c, v := range row { // x^T A x sees only the symmetric part
				a.Set(r, c, a.At(r, c)+v/2)
				a.Set(c, r, a.At(c, r)+v/2)
			}
		}
		p.a = append(p.a, a)
		p.c = append(p.c, mat.NewVecDense(d, f.C[i]))
	}
	p.optimum = p.solve()
	return p, nil
}

// solve finds the optimum of sum_i p_i f_i: (sum p_i A_i) x = sum p_i A_i c_i.
func (p *Problem) solve() []float64 {
	d := p.Dim()
	left, right, scaled := mat.NewDense(d, d, nil), mat.NewVecDense(d, nil), mat.NewDense(d, d, nil)
	var product mat.VecDense
	for i := range p.a {
		scaled.Scale(float64(p.Samples(i)), p.a[i])
		left.Add(left, scaled)
		product.MulVec(scaled, p.c[i])
		right.AddVec(right, &product)
	}
	var x mat.VecDense
	if err := x.SolveVec(left, right); err != nil {
		return nil
	}
	return slices.Clone(x.RawVector().Data)
}

// Optimum is the minimiser of the global objective, or nil where it is not unique.
func (p *Problem) Optimum() []float64 { return p.optimum }

// Dim is d.
func (p *Problem) Dim() int { return len(p.start) }

// Clients is n.
func (p *Problem) Clients() int { return len(p.c) }

// Samples is the importance of client i, before it is normalised.
func (p *Problem) Samples(i int) int {
	if p.samples == nil {
		return 1
	}
	return p.samples[i]
}

// Start is theta0.
func (p *Problem) Start(x []float64) { copy(x, p.start) }

// Operator returns an operator with its own scratch memory.
func (p *Problem) Operator() problem.Operator[float64] {
	d := p.Dim()
	return &operator{p, mat.NewVecDense(d, nil), mat.NewVecDense(d, nil), mat.NewVecDense(d, nil)}
}

type operator struct {
	problem             *Problem
	x, offset, gradient *mat.VecDense
}

// value returns f_i at o.x and leaves its gradient in o.gradient.
func (o *operator) value(i int) float64 {
	o.offset.SubVec(o.x, o.problem.c[i])
	o.gradient.MulVec(o.problem.a[i], o.offset)
	return mat.Dot(o.offset, o.gradient) / 2
}

// Work takes the configured number of gradient steps from x.
func (o *operator) Work(ctx context.Context, r problem.Round, x, delta []float64) (problem.Report, error) {
	if err := ctx.Err(); err != nil {
		return problem.Report{}, err
	}
	steps := o.problem.steps
	if r.Epochs > 0 {
		steps = max(1, int(r.Epochs))
	}
	copy(o.x.RawVector().Data, x)
	loss := 0.0
	for range steps {
		loss += o.value(r.Client)
		o.x.AddScaledVec(o.x, -o.problem.lr, o.gradient)
	}
	for j := range delta {
		delta[j] = x[j] - o.x.AtVec(j)
	}
	return problem.Report{Loss: loss / float64(steps), Steps: steps, Samples: steps}, nil
}

// Evaluate measures the global objective, the norm of its gradient and the distance to the optimum.
func (p *Problem) Evaluate(x []float64, _ problem.Each) problem.Metrics {
	o := p.Operator().(*operator)
	copy(o.x.RawVector().Data, x)
	total := 0
	for i := range p.c {
		total += p.Samples(i)
	}
	loss, gradient := 0.0, mat.NewVecDense(p.Dim(), nil)
	for i := range p.c {
		share := float64(p.Samples(i)) / float64(total)
		loss += share * o.value(i)
		gradient.AddScaledVec(gradient, share, o.gradient)
	}
	metrics := problem.Metrics{{Name: "loss", Value: loss}, {Name: "grad_norm", Value: mat.Norm(gradient, 2)}}
	if p.optimum != nil {
		sum := 0.0
		for j, v := range p.optimum {
			sum += (x[j] - v) * (x[j] - v)
		}
		metrics = append(metrics, problem.Metric{Name: "x_star_distance", Value: math.Sqrt(sum)})
	}
	return metrics
}
