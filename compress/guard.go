package compress

const (
	guardWindow = 20 // updates
	guardSize   = 10 // times ||g||
	// autoEta bounds where eta: auto starts. Past it the dense quantisers, whose delta is large, leave the certified
	// range eta < (1/chi - 1)/2, chi = sqrt(1-delta), of arXiv 2510.03507.
	autoEta = 0.25
)

// guard holds econtrol's step where eta is auto: it starts at delta, and is halved whenever the error norm has grown
// with each update of a whole window while beyond 10 times the size of g. An error that settles stops growing for an
// update now and then; one that diverges does not.
type guard struct {
	eta   float64
	last  float64 // error norm of the last update
	grown int     // updates in a row that it has grown with
}

// observe takes the figures of an update and reports whether it halved eta.
func (g *guard) observe(s Stats) bool {
	if s.ErrorNorm > g.last && s.ErrorNorm > guardSize*s.Norm {
		g.grown++
	} else {
		g.grown = 0
	}
	g.last = s.ErrorNorm
	if g.grown < guardWindow {
		return false
	}
	g.eta /= 2
	g.grown = 0
	return true
}
