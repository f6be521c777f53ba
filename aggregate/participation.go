package aggregate

import "slices"

// Population is what is known of the clients from which participation follows.
type Population struct {
	Concurrency int       // clients in flight at the same time
	Cycles      []float64 // tau_i: nanoseconds from being given work to the arrival of the update; empty when unknown
	Dropouts    bool      // clients may vanish during a round, or begin one before the last is settled: no law is exact
}

func (p Population) cyclesKnown() bool { return len(p.Cycles) > 0 }

// alwaysInFlight reports whether every client works all the time, with known cycle times.
func (p Population) alwaysInFlight() bool {
	return p.cyclesKnown() && p.Concurrency >= len(p.Cycles) && !p.Dropouts
}

// rates fills each[i] with how often client i arrives, per nanosecond up to a common factor, and returns the sum.
//
// A free client is drawn like every other free one, so all wait the same mean time I between two rounds, and client i
// arrives at rate 1/(I + tau_i + wait). I follows from sum_i tau_i rate_i = Concurrency. Slow clients spend more of
// their life in flight, so they start a little less often than fast ones; the fewer are in flight, the less.
func (p Population) rates(each []float64, wait float64) float64 {
	n := len(each)
	if !p.cyclesKnown() {
		fill(each, 1)
		return float64(n)
	}
	busy := func(idle float64) float64 {
		sum := 0.0
		for _, tau := range p.Cycles {
			sum += tau / (idle + tau + wait)
		}
		return sum
	}
	idle := 0.0
	if target := float64(p.Concurrency); busy(0) > target {
		low, high := 0.0, float64(n)*slices.Max(p.Cycles)/target
		for range 60 {
			if idle = (low + high) / 2; busy(idle) > target {
				low = idle
			} else {
				high = idle
			}
		}
	}
	total := 0.0
	for i, tau := range p.Cycles {
		each[i] = 1 / (idle + tau + wait)
		total += each[i]
	}
	return total
}

func fill(each []float64, v float64) {
	for i := range each {
		each[i] = v
	}
}

func scale(each []float64, by float64) {
	for i := range each {
		each[i] = float64(each[i] * by)
	}
}
