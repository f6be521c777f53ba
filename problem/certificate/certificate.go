package certificate

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

// Certificate is what a Lipschitz matrix says of a game.
type Certificate struct {
	Rho       float64   // spectral radius of the matrix
	Certified bool      // every schedule converges to the only equilibrium
	Rate      float64   // contraction a cycle in the weighted norm, below 1; 1 when not certified
	Weights   []float64 // x, at least 1 each; nil when not certified

	Margin float64 // alpha*, the small-gain margin; 0 when not certified
	Step   float64 // gradient steps below this are safe, by the small-gain theorem; 0 when not certified
}

// Of certifies the game whose best responses have the Lipschitz matrix l: square, finite, not negative, and 0 on the
// diagonal, since a best response does not depend on what its own player did before.
func Of(l *mat.Dense) (*Certificate, error) {
	if err := check(l); err != nil {
		return nil, err
	}
	c := &Certificate{Rho: SpectralRadius(l), Rate: 1}
	x, ok := resolvent(l)
	if !ok {
		return c, nil
	}
	// The rate is taken from l itself, not from 1 - 1/max(x): it holds for this x, however x was rounded.
	rate := weightedNorm(l, x)
	if !(rate < 1) {
		return c, nil
	}
	c.Certified, c.Rate, c.Weights = true, rate, x
	n := len(x)
	if y, ok := resolvent(mat.DenseCopyOf(l.T())); ok {
		w, mu := make([]float64, n), make([]float64, n)
		for i := range w {
			w[i], mu[i] = y[i]/x[i], 1
		}
		c.Margin, c.Step = SmallGain(mu, l, w)
	}
	return c, nil
}

func check(l *mat.Dense) error {
	n, columns := l.Dims()
	if n != columns {
		return fmt.Errorf("a Lipschitz matrix has a row and a column for each player: this one is %d x %d", n, columns)
	}
	for i := range n {
		for j := range n {
			v := l.At(i, j)
			if !(v >= 0) || math.IsInf(v, 0) || i == j && v != 0 {
				return fmt.Errorf("the Lipschitz constant [%d][%d] is %v: must be a number that is not negative, and 0 on the diagonal", i, j, v)
			}
		}
	}
	return nil
}

// resolvent solves (I - l) x = 1. x is positive exactly when rho(l) < 1, and then at least 1.
func resolvent(l *mat.Dense) (x []float64, positive bool) {
	n, _ := l.Dims()
	a := mat.NewDense(n, n, nil)
	a.Scale(-1, l)
	one := mat.NewVecDense(n, nil)
	for i := range n {
		a.Set(i, i, 1)
		one.SetVec(i, 1)
	}
	var factor mat.LU
	factor.Factorize(a)
	solution := mat.NewVecDense(n, nil)
	if !usable(factor.SolveVecTo(solution, false, one)) {
		return nil, false
	}
	for i := range n {
		if !(solution.AtVec(i) > 0) {
			return nil, false
		}
	}
	return solution.RawVector().Data, true
}

// usable says whether a system was solved; a large condition number is for the caller's own check to judge.
func usable(err error) bool {
	condition, ill := err.(mat.Condition) //nolint:errorlint // gonum returns it as it is
	return err == nil || ill && !math.IsInf(float64(condition), 0)
}

// weightedNorm is ||l||_{inf,x} = max_i (l x)_i / x_i for positive x: an upper bound on rho(l) (Collatz).
func weightedNorm(l *mat.Dense, x []float64) float64 {
	largest := 0.0
	for i, xi := range x {
		largest = max(largest, floats.Dot(l.RawRowView(i), x)/xi)
	}
	return largest
}

// RelaxedRate is the contraction a cycle of the relaxed map (1-lambda) p + lambda T(p), for lambda in (0, 1].
func (c *Certificate) RelaxedRate(lambda float64) float64 { return 1 - lambda*(1-c.Rate) }

// ErrorBound bounds ||p - p*||_{inf,x} after the fact, from the residuals r_i = ||T_i(p) - p_i||. It is +Inf when the
// game is not certified.
func (c *Certificate) ErrorBound(residuals []float64) float64 {
	if !c.Certified {
		return math.Inf(1)
	}
	return c.Norm(residuals) / (1 - c.Rate)
}

// Norm is ||p||_{inf,x} of a vector whose blocks have the given norms.
func (c *Certificate) Norm(blocks []float64) float64 {
	largest := 0.0
	for i, r := range blocks {
		largest = max(largest, r/c.Weights[i])
	}
	return largest
}
