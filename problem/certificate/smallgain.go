package certificate

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

// SmallGain is the Small-Gain Nash test (arXiv 2512.06791) for a game in which player i's own gradient is strongly
// monotone with mu[i] and depends on player j's move with the Lipschitz constant l_ij. In the metric of the block
// weights w the whole game is strongly monotone with
//
//	margin = 1/2 lmin(D^-1/2 C D^-1/2),   C_ii = 2 w_i mu_i,   C_ij = -(w_i l_ij + w_j l_ji),   D = diag(w),
//
// where that is positive, and gradient steps shorter than step = 2 margin / beta^2 then converge; beta is the norm of
// D^1/2 H D^-1/2 for H with mu on its diagonal and l off it. A margin that is not positive has the step 0.
func SmallGain(mu []float64, l *mat.Dense, w []float64) (margin, step float64) {
	n := len(mu)
	c := mat.NewSymDense(n, nil)
	h := mat.NewDense(n, n, nil)
	for i := range n {
		for j := range n {
			if i == j {
				c.SetSym(i, i, 2*mu[i]) // w_i cancels
				h.Set(i, i, mu[i])
				continue
			}
			root := math.Sqrt(w[i] / w[j])
			h.Set(i, j, root*l.At(i, j))
			if i < j {
				c.SetSym(i, j, -(root*l.At(i, j) + l.At(j, i)/root))
			}
		}
	}
	var eigen mat.EigenSym
	if !eigen.Factorize(c, false) {
		return 0, 0
	}
	margin = eigen.Values(nil)[0] / 2
	if !(margin > 0) {
		return margin, 0
	}
	beta := mat.Norm(h, 2)
	return margin, 2 * margin / (beta * beta)
}
