package aggregate

import "math"

// fedfix closes every window nanoseconds with all that has arrived (arXiv 2206.10189). A window of 0 is not known yet.
type fedfix struct{ window int64 }

func (fedfix) Rounds() bool  { return false }
func (fedfix) Gain() float64 { return 1 }
func (fedfix) Quota() int    { return 0 }

// Full closes a window of unknown length when as many have arrived as are at work: when all began together, that takes
// as long as the median client does, and where others have taken the places of those that are done, about the mean.
func (f fedfix) Full(arrived, awaited int) bool { return f.window == 0 && arrived >= awaited }

// Due is the next multiple of the window: commits keep to the grid whatever happens between them.
func (f fedfix) Due(opened int64) int64 {
	if f.window == 0 {
		return Never
	}
	return (opened/f.window + 1) * f.window
}

// Participation is 1/ceil(tau_i/window) when all are always in flight: a client that is aggregated starts again at
// once. With fewer in flight a client that is done waits half a window on average until it is aggregated.
func (f fedfix) Participation(each []float64, p Population) bool {
	if p.alwaysInFlight() {
		for i, tau := range p.Cycles {
			each[i] = 1 / max(1, math.Ceil(tau/float64(f.window)))
		}
		return true
	}
	if !p.cyclesKnown() {
		fill(each, float64(p.Concurrency)/float64(len(each)))
		return false
	}
	p.rates(each, float64(f.window)/2)
	scale(each, float64(f.window))
	return false
}
