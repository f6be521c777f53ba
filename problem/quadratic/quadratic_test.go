package quadratic

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"weir/config"
	"weir/problem"
)

// open opens the problem that text describes, for that many clients.
func open(t *testing.T, text string, clients int, l config.Local) (*Problem, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "q.json")
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	c := config.Default()
	c.Problem.Kind, c.Problem.File, c.Clients.Count, c.Local = "quadratic", path, clients, l
	p, err := Open(c)
	if err != nil {
		return nil, errors.New(strings.ReplaceAll(err.Error(), path, "FILE"))
	}
	return p, nil
}

// worked is the example of ALGORITHMS.md section 2: f_i = (theta - c_i)^2 / 2.
const worked = `{"A": [[[1]], [[1]], [[1]]], "c": [[6], [0], [3]], "theta0": [0]}`

func TestWorkedExample(t *testing.T) {
	p, err := open(t, worked, 3, config.Local{LR: .1, Steps: 1})
	if err != nil {
		t.Fatal(err)
	}
	x, delta := make([]float64, 1), make([]float64, 1)
	p.Start(x)
	o := p.Operator()
	for client, want := range []float64{-6. / 10, 0, -3. / 10} {
		report, err := o.Work(context.Background(), problem.Round{Client: client}, x, delta)
		if err != nil || math.Abs(delta[0]-want) > 1e-12 {
			t.Errorf("client %d: delta %v, want %v, error %v", client, delta[0], want, err)
		}
		if c := []float64{6, 0, 3}[client]; report != (problem.Report{Loss: c * c / 2, RMS: c * c / 2, Steps: 1, Samples: 1}) {
			t.Errorf("client %d: report %+v", client, report)
		}
	}
	if optimum := p.Optimum(); len(optimum) != 1 || math.Abs(optimum[0]-3) > 1e-12 {
		t.Errorf("the optimum is %v, want 3", optimum)
	}
	metrics := p.Evaluate([]float64{1}, problem.Sequential)
	for name, want := range map[string]float64{"loss": (25 + 1 + 4) / 6., "grad_norm": 2, "x_star_distance": 2} {
		if got, ok := metrics.Get(name); !ok || math.Abs(got-want) > 1e-12 {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
}

// Two local steps, unequal shares, and a matrix that is not symmetric: f = 1/2 x^T [[2,1],[0,2]] x has the gradient
// [[2,.5],[.5,2]] x.
func TestMatricesAndShares(t *testing.T) {
	text := `{"A": [[[2,1],[0,2]], [[1,0],[0,1]]], "c": [[0,0],[1,2]], "theta0": [1,1], "samples": [3,1]}`
	p, err := open(t, text, 2, config.Local{LR: .1, Steps: 2})
	if err != nil {
		t.Fatal(err)
	}
	if p.Samples(0) != 3 || p.Samples(1) != 1 || p.Dim() != 2 || p.Clients() != 2 {
		t.Errorf("samples %d and %d, %d parameters, %d clients", p.Samples(0), p.Samples(1), p.Dim(), p.Clients())
	}
	x, delta := make([]float64, 2), make([]float64, 2)
	p.Start(x)
	report, err := p.Operator().Work(context.Background(), problem.Round{Client: 0}, x, delta)
	// (1,1) is an eigenvector with the eigenvalue 2.5: two steps leave .75^2 of it.
	if err != nil || math.Abs(delta[0]-.4375) > 1e-12 || math.Abs(delta[1]-.4375) > 1e-12 {
		t.Errorf("delta %v, error %v", delta, err)
	}
	// Losses 2.5 and 2.5*.75^2 before the steps.
	if math.Abs(report.Loss-2.5*(1+.5625)/2) > 1e-12 || report.Steps != 2 || report.Samples != 6 {
		t.Errorf("report %+v", report)
	}
	// The optimum solves 3/4 [[2,.5],[.5,2]] x + 1/4 (x - (1,2)) = 0.
	o := p.Optimum()
	for i, r := range []float64{1.75*o[0] + .375*o[1] - .25, .375*o[0] + 1.75*o[1] - .5} {
		if math.Abs(r) > 1e-12 {
			t.Errorf("residual %d of the optimum is %v", i, r)
		}
	}
	if g, _ := p.Evaluate(o, problem.Sequential).Get("grad_norm"); g > 1e-12 {
		t.Errorf("the gradient at the optimum is %v", g)
	}
}

func TestNoOptimum(t *testing.T) {
	for name, a := range map[string]string{"flat": "[[1,0],[0,0]]", "a saddle": "[[1,0],[0,-1]]"} {
		p, err := open(t, `{"A": [`+a+`], "c": [[0,0]], "theta0": [1,1]}`, 1, config.Local{LR: .1, Steps: 1})
		if err != nil {
			t.Fatal(err)
		}
		if p.Optimum() != nil {
			t.Errorf("%s: optimum %v", name, p.Optimum())
		}
		if _, ok := p.Evaluate([]float64{1, 1}, problem.Sequential).Get("x_star_distance"); ok {
			t.Errorf("%s: has a distance to an optimum", name)
		}
	}
}

func TestHowManySteps(t *testing.T) {
	for _, test := range []struct {
		local config.Local
		round float64
		want  int
	}{
		{config.Local{Steps: 7}, 0, 7},
		{config.Local{Epochs: 3}, 0, 3},
		{config.Local{Epochs: .2}, 0, 1},
		{config.Local{}, 2.6, 3},
		{config.Local{Steps: 7}, 2, 2},
	} {
		test.local.LR = .1
		p, err := open(t, worked, 3, test.local)
		if err != nil {
			t.Fatal(err)
		}
		report, err := p.Operator().Work(context.Background(), problem.Round{Epochs: test.round}, []float64{0}, make([]float64, 1))
		if err != nil || report.Steps != test.want {
			t.Errorf("%+v, round of %g epochs: %d steps, want %d; %v", test.local, test.round, report.Steps, test.want, err)
		}
	}
}

func TestWrongFiles(t *testing.T) {
	const key = `problem.file: "FILE": `
	for text, want := range map[string]string{
		``:                              key + `must be JSON such as {"A": [[[1]]], "c": [[6]], "theta0": [0]}: EOF`,
		"{\n\"A\": [}":                  key + `line 2: invalid character '}' looking for beginning of value`,
		`{"B": 1}`:                      key + `must be JSON such as {"A": [[[1]]], "c": [[6]], "theta0": [0]}: json: unknown field "B"`,
		worked + `{}`:                   key + `has more after the JSON document`,
		`{"c": [[6]]}`:                  key + `A: must have a matrix for each client`,
		`{"A": [[[1]]]}`:                key + `theta0: must have a number for each parameter`,
		`{"A": [[[1]]], "theta0": [0]}`: key + `c: has 0 vectors for the 1 clients of A`,
		`{"A": [[[1],[1]]], "theta0": [0], "c": [[1]]}`:               key + `A[0]: has 2 rows for the 1 parameters of theta0`,
		`{"A": [[[1,2]]], "theta0": [0], "c": [[1]]}`:                 key + `A[0][0]: has 2 columns for the 1 parameters of theta0`,
		`{"A": [[[1]]], "theta0": [0], "c": [[1,2]]}`:                 key + `c[0]: has 2 numbers for the 1 parameters of theta0`,
		`{"A": [[[1]]], "theta0": [0], "c": [[1]], "samples": [1,2]}`: key + `samples: has 2 numbers for the 1 clients of A`,
		`{"A": [[[1]]], "theta0": [0], "c": [[1]], "samples": [0]}`:   key + `samples[0]: 0: must be at least 1 and at most 2147483647`,
		`{"A": [[[1]],[[1]]], "theta0": [0], "c": [[1],[2]]}`:         `clients.count: "3": must be 2, the clients in FILE`,
	} {
		if _, err := open(t, text, 3, config.Local{LR: .1, Steps: 1}); err == nil || err.Error() != want {
			t.Errorf("%s\ngot  %v\nwant %s", text, err, want)
		}
	}
	if _, err := open(t, worked, 3, config.Local{LR: .1, Steps: 1, Momentum: .9}); err == nil || err.Error() != `local.momentum: "0.9": a quadratic problem takes plain gradient steps: must be 0` {
		t.Errorf("momentum: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(worked))
	f.Add([]byte(`{"A": [[[1,2],[3,4]]], "theta0": [0,0], "c": [[1,2]], "samples": [2]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		q, err := parse(text)
		if err != nil {
			return
		}
		p := newProblem(q)
		p.Evaluate(p.start, problem.Sequential)
	})
}
