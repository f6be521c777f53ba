package chart

import (
	"math"
	"strconv"
)

// Axis describes one direction of a chart.
type Axis struct {
	Label string // what it shows; empty where the chart's title says so
	Unit  Unit
	// Zero makes a linear axis begin at 0.
	Zero bool
}

// scale maps values to positions in [0, 1].
type scale struct {
	lo, hi float64
	log    bool
	unit   step // what ticks are shown in
	ticks  []float64
	apart  float64 // between linear ticks
	bytes  bool    // logarithmic ticks are sizes
}

// newScale covers [lo, hi] with about want ticks. With round, the ends are moved out to ticks. Values that are all
// positive and span more than two decades get a logarithmic scale unless the axis begins at 0.
func newScale(a Axis, lo, hi float64, want int, round bool) scale {
	if a.Zero {
		lo, hi = math.Min(lo, 0), math.Max(hi, 0)
	} else if lo > 0 && hi/lo > 100 {
		s := logScale(lo, hi)
		s.bytes = a.Unit == Bytes
		return s
	}
	if !(hi-lo > 1e-9*math.Max(math.Abs(hi), math.Abs(lo))) { // one value only
		pad := math.Abs(hi) / 10
		if pad == 0 {
			pad = 1
		}
		hi += pad
		if !a.Zero || hi-pad < 0 {
			lo -= pad
		}
	}
	s := scale{lo: lo, hi: hi, unit: step{1, ""}}
	size := math.Max(math.Abs(lo), math.Abs(hi))
	switch a.Unit {
	case Seconds:
		s.unit = timeStep(size)
	case Bytes:
		s.unit = pick(byteSteps, size, 1.5)
	case Share:
		s.unit = step{0.01, "%"}
	}
	s.apart = nice((hi-lo)/s.unit.factor/float64(want)) * s.unit.factor
	if round {
		s.lo = math.Floor(lo/s.apart+1e-9) * s.apart
		s.hi = math.Ceil(hi/s.apart-1e-9) * s.apart
	}
	for i := math.Ceil(s.lo/s.apart - 1e-9); i*s.apart <= s.hi+1e-9*s.apart; i++ {
		s.ticks = append(s.ticks, i*s.apart)
	}
	return s
}

func logScale(lo, hi float64) scale {
	first, last := math.Floor(math.Log10(lo)+1e-9), math.Ceil(math.Log10(hi)-1e-9)
	s := scale{lo: math.Pow(10, first), hi: math.Pow(10, last), log: true, unit: step{1, ""}}
	for e := first; e <= last; e += math.Ceil((last - first) / 6) {
		s.ticks = append(s.ticks, math.Pow(10, e))
	}
	return s
}

// nice is 1, 2 or 5 times a power of ten, whichever is about v.
func nice(v float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(v)))
	switch f := v / power; {
	case f < 1.5:
		return power
	case f < 3:
		return 2 * power
	case f < 7:
		return 5 * power
	}
	return 10 * power
}

// at is where v lies between the ends, 0 to 1.
func (s scale) at(v float64) float64 {
	if s.log {
		return math.Log(v/s.lo) / math.Log(s.hi/s.lo)
	}
	return (v - s.lo) / (s.hi - s.lo)
}

// shows says whether v has a place on the scale.
func (s scale) shows(v float64) bool {
	return !math.IsNaN(v) && !math.IsInf(v, 0) && (!s.log || v > 0)
}

func (s scale) tick(v float64) string {
	if s.log {
		if s.bytes {
			return Size(v)
		}
		if v >= 1e-3 && v < 1e4 {
			return trimZeros(strconv.FormatFloat(v, 'f', 3, 64))
		}
		return exponent(strconv.FormatFloat(v, 'e', 0, 64))
	}
	v, apart := v/s.unit.factor, s.apart/s.unit.factor
	suffix := ""
	if math.Abs(v) < apart/2 {
		if s.unit.name == "%" {
			return "0%"
		}
		return "0"
	}
	if s.unit.name == "%" {
		suffix = "%"
	} else if largest := math.Max(math.Abs(s.lo), math.Abs(s.hi)) / s.unit.factor; largest >= 1e5 {
		big := pick(largeStep, largest, 1)
		v, apart, suffix = v/big.factor, apart/big.factor, big.name
	}
	if apart < 1e-5 {
		return exponent(strconv.FormatFloat(v, 'e', 1, 64))
	}
	decimals := max(0, -int(math.Floor(math.Log10(apart)+1e-9)))
	return thousandsBeforePoint(strconv.FormatFloat(v, 'f', decimals, 64)) + suffix
}

func thousandsBeforePoint(s string) string {
	for i := range s {
		if s[i] == '.' {
			return thousands(s[:i]) + s[i:]
		}
	}
	return thousands(s)
}

// title is the axis label with its unit.
func (a Axis) title(s scale) string {
	if a.Label == "" || s.unit.name == "" || a.Unit == Share {
		return a.Label
	}
	return a.Label + " (" + s.unit.name + ")"
}
