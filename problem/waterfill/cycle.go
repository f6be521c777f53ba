package waterfill

import (
	"context"
	"math"
	"slices"
)

// recurrence finds cycles by Brent's method: it remembers the powers at one iteration, and those at a later one every
// time that twice as many have gone by.
type recurrence struct {
	powers   []float64
	at, next int
}

const (
	same  = 1e-12 // powers that differ by less than this part of the largest are the same
	apart = 1e-6  // a residual below this part of the largest power is slow convergence, not a cycle
)

// seen returns after how many iterations the powers have come back, or 0 while they have not.
func (r *recurrence) seen(at Step) int {
	scale := slices.Max(at.Power)
	if r.powers != nil && at.Residual > apart*scale && largestDifference(r.powers, at.Power) <= same*scale {
		return at.Iteration - r.at
	}
	if at.Iteration >= r.next {
		r.powers = append(r.powers[:0], at.Power...)
		r.at, r.next = at.Iteration, 2*max(at.Iteration, 1)
	}
	return 0
}

func largestDifference(a, b []float64) float64 {
	largest := 0.0
	for i, v := range a {
		largest = max(largest, math.Abs(v-b[i]))
	}
	return largest
}

const (
	leastRelax  = 1. / 64
	relaxDigits = 5 // bisections
)

// LargestRelaxation is for a game that did not settle with opt.Relax. It returns the largest relaxation, of those tried,
// with which it was seen to: halves until one does, then some between that and the smallest that did not. It is 0 when
// none down to 1/64 does. trying is called before each; may be nil.
func LargestRelaxation(ctx context.Context, g *Game, opt Options, trying func(relax float64)) (float64, error) {
	opt.Observe = nil
	settles := func(relax float64) (bool, error) {
		if trying != nil {
			trying(relax)
		}
		opt.Relax = relax
		result, err := Solve(ctx, g, opt)
		return err == nil && result.Converged, err
	}
	bad, good := opt.Relax, opt.Relax/2
	for ; good >= leastRelax; bad, good = good, good/2 {
		if ok, err := settles(good); err != nil {
			return 0, err
		} else if ok {
			break
		}
	}
	if good < leastRelax {
		return 0, nil
	}
	for range relaxDigits {
		middle := (good + bad) / 2
		ok, err := settles(middle)
		switch {
		case err != nil:
			return 0, err
		case ok:
			good = middle
		default:
			bad = middle
		}
	}
	return good, nil
}
