package compress

const (
	guardWindow = 20   // updates
	guardSize   = 4    // times ||g||/delta
	guardFloor  = 4    // the guard leaves eta at delta/4 at least
	autoEta     = 0.25 // bound on where it starts
)

// guard holds econtrol's step where eta is auto. It starts at delta, but at most at 1/4: past that the dense quantisers,
// whose delta is large, leave the certified range eta < (1/chi - 1)/2, chi = sqrt(1-delta), of arXiv 2510.03507. It is
// halved when over a window of updates the error norm was beyond 4 ||g||/delta and grew.
//
// The bound is our choice. An error that is under control settles near ||g||/delta: at 0.6 to 1.1 times that for top-k
// at densities from 0.2% to 5% and eta = delta, whether g is steady, noisy or nearly all noise. So a fixed multiple of
// ||g|| would fire on sound runs; and since less eta lets the error grow further, it would go on firing until eta is
// gone. With this bound a step of 10 or 30 delta, which diverges, came back under control in all of these cases, and
// one of delta was never touched.
type guard struct {
	eta   float64
	start float64 // error norm when the window began
	count int     // updates of the window so far; 0 is no window
}

// observe takes the figures of an update and reports whether it halved eta.
func (g *guard) observe(s Stats, delta float64) bool {
	if delta*s.ErrorNorm <= guardSize*s.Norm {
		g.count = 0
		return false
	}
	if g.count == 0 {
		g.start = s.ErrorNorm
	}
	if g.count++; g.count <= guardWindow {
		return false
	}
	g.count = 0
	if s.ErrorNorm <= g.start || g.eta <= delta/guardFloor {
		return false
	}
	g.eta /= 2
	return true
}
