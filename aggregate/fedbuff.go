package aggregate

// fedbuff closes at the K-th arrival (Nguyen et al. 2022).
type fedbuff struct{ size int }

func (fedbuff) Rounds() bool               { return false }
func (f fedbuff) Full(arrived, _ int) bool { return arrived >= f.size }
func (fedbuff) Due(int64) int64            { return Never }
func (fedbuff) Gain() float64              { return 1 }
func (f fedbuff) Quota() int               { return f.size }

// Participation is K times the client's share of all arrivals, at most 1. Clients that wait for the window to close
// fall into step with each other, which this leaves out: it is where an estimate starts from.
func (f fedbuff) Participation(each []float64, p Population) bool {
	total := p.rates(each, 0)
	for i := range each {
		each[i] = min(1, float64(float64(f.size)*each[i])/total)
	}
	return false
}
