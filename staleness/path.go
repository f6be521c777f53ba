package staleness

import "math"

// Remembered is how many versions a Path looks back.
const Remembered = 256

// Path is how far the model has moved, version by version, for the rule gap. It knows the lengths of the steps between
// versions but not their directions, so the way that it measures between two versions is never shorter than the
// distance between them; in return it costs no vector. The zero value has not moved.
type Path struct {
	Version uint64              // of the newest step
	Covered [Remembered]float64 // by version modulo Remembered: the way to that version from the first
	Power   float64             // running mean square of a step's length
}

// memory is the weight of the newest step in the running mean square, once there have been as many as 1/memory.
const memory = 0.1

// Move adds the step to the next version.
func (p *Path) Move(length float64) {
	last := p.Covered[p.Version%Remembered]
	p.Version++
	p.Covered[p.Version%Remembered] = last + length
	weight := max(memory, 1/float64(p.Version))
	p.Power += float64(weight * (float64(length*length) - p.Power))
}

// Since is the way from version base to the newest, in steps of the usual length: their running root mean square. For a
// base that is too long ago it is the way from the oldest that is remembered.
func (p *Path) Since(base uint64) float64 {
	if base >= p.Version || p.Power == 0 {
		return 0
	}
	base = max(base, p.Version-min(p.Version, Remembered-1))
	return (p.Covered[p.Version%Remembered] - p.Covered[base%Remembered]) / math.Sqrt(p.Power)
}
