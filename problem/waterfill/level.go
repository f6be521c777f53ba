package waterfill

import (
	"math"
	"slices"
)

// Filler water-fills. It holds scratch memory, so it is for one goroutine at a time.
type Filler struct {
	floor []float64 // insr above the lowest
	open  []span    // carriers whose part in the answer is not known yet
	bends []float64
}

// span is a carrier's floor, its insr, and its ceiling, where its mask stops it.
type span struct{ floor, ceiling float64 }

// Fill writes into p the powers that use the budget where insr is lowest:
//
//	p(k) = clamp(mu - insr(k), 0, mask(k)),   sum_k p(k) = budget,
//
// and returns the water level mu. This is the Euclidean projection of -insr on {0 <= p <= mask, sum p = budget}. A nil
// mask is no bound. Where the masks hold no more than the budget, p is the mask, and mu the level that covers all.
//
// The sum of the powers is a broken line in mu, with a bend of slope +1 at every floor and of -1 at every ceiling. Where
// sorting all bends would take O(K log K), Newton's method on the line takes O(K) as a rule: it is tried first, and the
// bends that are left within its bracket are sorted only where it gets nowhere.
func (f *Filler) Fill(p, insr, mask []float64, budget float64) float64 {
	if mask != nil && total(mask) <= budget {
		copy(p, mask)
		level := 0.0
		for k, v := range insr {
			level = max(level, v+mask[k])
		}
		return level
	}
	lowest := slices.Min(insr)
	if budget <= 0 {
		clear(p)
		return lowest
	}
	f.floor = slices.Grow(f.floor[:0], len(insr))[:len(insr)]
	for k, v := range insr {
		f.floor[k] = v - lowest // levels keep their digits where all floors are high
	}
	level, found := 0.0, false
	if mask == nil {
		level, found = f.unbounded(budget)
	}
	if !found {
		level = f.level(mask, budget)
	}
	return lowest + f.finish(p, mask, budget, level)
}

// finish writes the powers at a level that was found from sums, up to rounding. What rounding left of the budget goes to
// the carriers between their bounds, first as a change of level, then as a factor next to 1.
func (f *Filler) finish(p, mask []float64, budget, level float64) float64 {
	full, between, n := pour(p, f.floor, mask, level)
	if n > 0 {
		level += (budget - full - between) / float64(n)
		full, between, _ = pour(p, f.floor, mask, level)
	}
	if between == 0 && full < budget { // floors at the level itself, so high that the power is lost beside them
		level = math.Nextafter(level, math.Inf(1))
		full, between, _ = pour(p, f.floor, mask, level)
	}
	if between > 0 {
		stretch(p, f.floor, mask, level, (budget-full)/between)
	}
	return level
}

func total(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += x
	}
	return sum
}

// pour writes the powers at a level, and returns the power on carriers that are full, that on those between their
// bounds, and how many those are.
func pour(p, floors, mask []float64, level float64) (full, between float64, n int64) {
	if mask == nil {
		for k, floor := range floors[:len(p)] {
			v, one := positive(level - floor)
			between += v
			n += one
			p[k] = v
		}
		return 0, between, n
	}
	for k, floor := range floors[:len(p)] {
		v, one := positive(level - floor)
		brim := notNegative(v - mask[k])
		most := only(mask[k], brim)
		full += most
		v = only(v, ^brim)
		between += v
		n += one & ^brim
		p[k] = v + most
	}
	return full, between, n
}

// stretch multiplies the powers that lie between their bounds.
func stretch(p, floors, mask []float64, level, factor float64) {
	for k, v := range p {
		switch {
		case mask == nil:
			p[k] = v * factor
		case v > 0 && level-floors[k] < mask[k]:
			p[k] = min(v*factor, mask[k])
		}
	}
}

// unbounded finds mu where there is no mask: the level of all carriers, without those above it, until there are none
// (Michelot 1986). It gives up where floors lie so that few fall off at a time.
func (f *Filler) unbounded(budget float64) (level float64, found bool) {
	open := append(f.bends[:0], f.floor...)
	f.bends = open
	sum := total(open)
	for range patience {
		level = (budget + sum) / float64(len(open))
		still := 0
		sum = 0
		for _, floor := range open {
			wet := notNegative(level - floor)
			sum += only(floor, wet)
			open[still] = floor
			still -= int(wet)
		}
		switch still {
		case len(open):
			return level, true
		case 0: // rounding put the level below them all
			return 0, false
		}
		open = open[:still]
	}
	return 0, false
}

// level finds mu for a positive budget that the masks have room for. Of many carriers, a sample says first where it is
// about.
func (f *Filler) level(mask []float64, budget float64) float64 {
	const one, of = 512, 16
	guess := math.Inf(1)
	if len(f.floor) >= one {
		guess = f.search(budget/of, f.load(mask, budget/of, of))
	}
	mean := f.load(mask, budget, 1)
	if math.IsInf(guess, 0) {
		guess = mean
	}
	return f.search(budget, guess)
}

// search finds the level at which the open carriers hold the budget, by Newton's steps from a guess.
func (f *Filler) search(budget, guess float64) float64 {
	const nothing = 1e-14 // of a level: less than rounding makes of it
	low, high := -math.MaxFloat64, math.MaxFloat64
	// At a level in (low, high) the carriers that are known hold base + slope*level.
	base, slope := 0.0, 0.0
	for tries := 0; len(f.open) > 0; tries++ {
		at := guess
		if tries >= patience || !(guess > low && guess < high) {
			at = f.bend(low, high, tries)
		}
		held, rising := held(f.open, at)
		held, rising = base+slope*at+held, slope+rising
		if rising > 0 {
			step := (budget - held) / rising
			guess = at + step
			if math.Abs(step) <= nothing*math.Abs(at) {
				return guess
			}
		}
		if held < budget {
			low = at
		} else {
			high = at
		}
		full, floors, between := f.settle(low, high)
		base += full - floors
		slope += between
	}
	switch {
	case slope > 0:
		return (budget - base) / slope
	case high < math.MaxFloat64: // the carriers that are full hold the budget, and the next floor is at high
		return high
	}
	return low
}

// patience is how many levels may be tried by Newton's steps, and again by guessing bends, before bends are sorted.
const patience = 24

// load opens one carrier in every few, and returns the level at which they would hold the budget if none were dry or
// full.
func (f *Filler) load(mask []float64, budget float64, every int) float64 {
	f.open = f.open[:0]
	sum := budget
	for k := 0; k < len(f.floor); k += every {
		floor, ceiling := f.floor[k], math.MaxFloat64
		if mask != nil {
			ceiling = min(floor+mask[k], math.MaxFloat64)
		}
		f.open = append(f.open, span{floor, ceiling})
		sum += floor
	}
	return sum / float64(len(f.open))
}

// held is what spans hold at a level, and how many would hold more at a higher one.
func held(spans []span, level float64) (sum, rising float64) {
	n := int64(0)
	for _, s := range spans {
		wet, one := positive(level - s.floor)
		over, less := positive(level - s.ceiling)
		sum += wet - over
		n += one - less
	}
	return sum, float64(n)
}

// Whether a carrier is wet is a coin toss to a processor: working with the sign is cheaper than guessing it.

// notNegative is -1, all bits set, where v >= 0, and 0 elsewhere. v is not NaN.
func notNegative(v float64) int64 { return ^(int64(math.Float64bits(v)) >> 63) }

// only is v where which is -1, and 0 where it is 0.
func only(v float64, which int64) float64 {
	return math.Float64frombits(math.Float64bits(v) & uint64(which))
}

// positive is max(v, 0), and 1 where v >= 0, else 0.
func positive(v float64) (float64, int64) {
	is := notNegative(v)
	return only(v, is), is & 1
}

// settle takes out the spans that have no bend between low and high. It returns what the full ones hold, and the sum of
// the floors and the number of those that are between their bounds.
func (f *Filler) settle(low, high float64) (full, floors, between float64) {
	still, n := 0, int64(0)
	for _, s := range f.open {
		dry := notNegative(s.floor - high)
		brim := notNegative(low - s.ceiling)
		wet := notNegative(low-s.floor) & notNegative(s.ceiling-high)
		full += only(s.ceiling-s.floor, brim)
		floors += only(s.floor, wet)
		n -= wet
		f.open[still] = s
		still += int(1 + (dry | brim | wet))
	}
	f.open = f.open[:still]
	return full, floors, float64(n)
}

// bend is one between low and high: the median of three, and of all once that has failed too often.
func (f *Filler) bend(low, high float64, tries int) float64 {
	within := func(s span) float64 {
		if s.floor > low && s.floor < high {
			return s.floor
		}
		return s.ceiling
	}
	n := len(f.open)
	if tries < 2*patience {
		a, b, c := within(f.open[0]), within(f.open[n/2]), within(f.open[n-1])
		return max(min(a, b), min(max(a, b), c))
	}
	f.bends = f.bends[:0]
	for _, s := range f.open {
		for _, v := range [2]float64{s.floor, s.ceiling} {
			if v > low && v < high {
				f.bends = append(f.bends, v)
			}
		}
	}
	slices.Sort(f.bends)
	return f.bends[len(f.bends)/2]
}
