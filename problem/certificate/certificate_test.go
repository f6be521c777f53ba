package certificate

import (
	"math"
	"math/cmplx"
	"math/rand/v2"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"
	"pgregory.net/rapid"
)

func dense(rows ...[]float64) *mat.Dense {
	m := mat.NewDense(len(rows), len(rows[0]), nil)
	for i, row := range rows {
		m.SetRow(i, row)
	}
	return m
}

func near(t *testing.T, name string, got, want, within float64) {
	t.Helper()
	if !(math.Abs(got-want) <= within) {
		t.Errorf("%s is %v, want %v", name, got, want)
	}
}

// ALGORITHMS.md section 5: three players.
func TestWorkedThreePlayers(t *testing.T) {
	s := dense([]float64{0, .5, .6}, []float64{.1, 0, .9}, []float64{.2, .3, 0})
	c, err := Of(s)
	if err != nil || !c.Certified {
		t.Fatalf("%+v, %v", c, err)
	}
	near(t, "rho", c.Rho, .762636, 5e-7)
	for i, want := range []float64{5.4425, 4.6903, 3.4956} {
		near(t, "x", c.Weights[i], want, 5e-5)
	}
	near(t, "||S||_{inf,x}", c.Rate, .81626, 5e-6)
	near(t, "1 - 1/max x", 1-1/c.Weights[0], c.Rate, 1e-14)
	near(t, "alpha*", c.Margin, .233777, 5e-7)
	w := []float64{.5041, .9245, 1.8734}
	mu := []float64{1, 1, 1}
	margin, step := SmallGain(mu, s, w)
	near(t, "alpha* with the printed weights", margin, .233777, 5e-6)
	near(t, "step", step, c.Step, 1e-3)
	unweighted, _ := SmallGain(mu, s, mu)
	near(t, "alpha* without weights", unweighted, .120392, 5e-7)
}

func TestSpectralRadius(t *testing.T) {
	ring := mat.NewDense(50, 50, nil)
	for i := range 50 {
		ring.Set(i, (i+1)%50, .9)
	}
	for _, test := range []struct {
		name string
		l    *mat.Dense
		want float64
	}{
		{"two players", dense([]float64{0, .5}, []float64{.5, 0}), .5},
		{"nobody interferes", dense([]float64{0, 0}, []float64{0, 0}), 0},
		{"one player", dense([]float64{0}), 0},
		{"a hierarchy", dense([]float64{0, 5, 5}, []float64{0, 0, 5}, []float64{0, 0, 0}), 0},
		{"a ring", ring, .9},
		{"two parts, one ahead of the other", dense([]float64{0, .8, 9, 9}, []float64{.2, 0, 9, 9}, []float64{0, 0, 0, .9}, []float64{0, 0, .1, 0}), .4},
		{"strong", dense([]float64{0, 4}, []float64{9, 0}), 6},
	} {
		near(t, test.name, SpectralRadius(test.l), test.want, 1e-12)
	}
}

// draw is a random matrix of a density, with entries over many magnitudes.
func draw(t *rapid.T) *mat.Dense {
	n := rapid.IntRange(1, 12).Draw(t, "players")
	density := rapid.Float64Range(.1, 1).Draw(t, "density")
	level := rapid.Float64Range(.01, 1).Draw(t, "level")
	r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
	l := mat.NewDense(n, n, nil)
	for i := range n {
		for j := range n {
			if i != j && r.Float64() < density {
				l.Set(i, j, level*r.ExpFloat64())
			}
		}
	}
	return l
}

// Everything a certificate says, against a plain eigenvalue solver and the definitions.
func TestCertificateAgainstTheDefinitions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := draw(t)
		n, _ := l.Dims()
		c, err := Of(l)
		if err != nil {
			t.Fatal(err)
		}
		var eigen mat.Eigen
		if !eigen.Factorize(l, mat.EigenNone) {
			t.Skip("the reference failed")
		}
		rho := 0.0
		for _, v := range eigen.Values(nil) {
			rho = max(rho, cmplx.Abs(v))
		}
		if math.Abs(c.Rho-rho) > 1e-4*(1+rho) { // eigenvalues of defective matrices are known to few digits
			t.Fatalf("rho is %v, want %v", c.Rho, rho)
		}
		if math.Abs(c.Rho-1) > 1e-6 && c.Certified != (c.Rho < 1) {
			t.Fatalf("certified is %v for rho %v", c.Certified, c.Rho)
		}
		if !c.Certified {
			if c.Rate != 1 || c.Weights != nil || !math.IsInf(c.ErrorBound(make([]float64, n)), 1) {
				t.Fatalf("not certified, but %+v", c)
			}
			return
		}
		if c.Rate < c.Rho-1e-9 || c.Rate >= 1 || c.Margin <= 0 || c.Step <= 0 {
			t.Fatalf("certified with %+v", c)
		}
		largest := 0.0
		for i := range n {
			sum := 0.0
			for j := range n {
				sum += l.At(i, j) * c.Weights[j]
			}
			largest = max(largest, sum/c.Weights[i])
		}
		if math.Abs(largest-c.Rate) > 1e-12 || math.Abs(1-1/slicesMax(c.Weights)-c.Rate) > 1e-6 {
			t.Fatalf("rate %v, by its definition %v", c.Rate, largest)
		}
	})
}

func slicesMax(v []float64) float64 {
	m := v[0]
	for _, x := range v {
		m = max(m, x)
	}
	return m
}

func TestErrorBoundAndRelaxation(t *testing.T) {
	c, _ := Of(dense([]float64{0, .5}, []float64{.5, 0}))
	near(t, "bound", c.ErrorBound([]float64{.1, .3}), .3/2/.5, 1e-14) // x = (2, 2), rate 1/2
	near(t, "relaxed rate", c.RelaxedRate(.5), .75, 1e-14)
}

func TestWrongMatrices(t *testing.T) {
	for want, l := range map[string]*mat.Dense{
		"2 x 3":             mat.NewDense(2, 3, nil),
		"[0][1] is -1":      dense([]float64{0, -1}, []float64{0, 0}),
		"[1][0] is NaN":     dense([]float64{0, 1}, []float64{math.NaN(), 0}),
		"[1][1] is 1":       dense([]float64{0, 1}, []float64{1, 1}),
		"[0][1] is +Inf":    dense([]float64{0, math.Inf(1)}, []float64{1, 0}),
		"0 on the diagonal": dense([]float64{1}),
	} {
		if _, err := Of(l); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
