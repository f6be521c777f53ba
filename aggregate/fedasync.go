package aggregate

// fedasync closes at every arrival (Xie et al. 2019), in its delta form: x -= alpha s(staleness) delta. The published
// form mixes models, x = (1-alpha) x + alpha x_new, which is the same when the base is the current version.
type fedasync struct{ alpha float64 }

func (fedasync) Rounds() bool             { return false }
func (fedasync) Full(arrived, _ int) bool { return arrived >= 1 }
func (fedasync) Due(int64) int64          { return Never }
func (f fedasync) Gain() float64          { return f.alpha }
func (fedasync) Quota() int               { return 1 }

// Participation in a window of one is the client's share of all arrivals: (1/tau_i) / sum_j (1/tau_j) when all are
// always in flight.
func (fedasync) Participation(each []float64, p Population) bool {
	total := p.rates(each, 0)
	scale(each, 1/total)
	return p.alwaysInFlight()
}
