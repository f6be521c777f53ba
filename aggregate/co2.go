package aggregate

import (
	"math"

	"weir/vec"
)

// co2 closes rounds as fedavg does (Sun et al. 2024, arXiv 2401.16265). That a round's average is applied one round
// late is not its doing but that of the clients, who go on before they have it (local.pipeline: 1).
type co2 struct{ fedavg }

// The outer step of CO2, on the average g of a round's updates:
//
//	u = g / Lambda      m = beta m + u      x -= lr Clip(m, phi)
//
// Lambda, the staleness-gap penalty, is 1 when the last step did not move the model. The paper's formula could not be
// confirmed, so its form is a choice, with x' the model before the last step:
//
//	constant          1
//	gap-elementwise   1 + |x - x'| / (lr phi)
//	gap-norm          1 + ||x - x'|| / (lr phi sqrt(d))
//
// Since x' - x = lr Clip(m, phi) for the m and the phi of the last step, neither form needs x' to be kept.
//
// Clip is elementwise, a clamp to [-phi, phi], or norm, which shrinks m to norm phi sqrt(d), so that phi bounds a
// coordinate's rms under either, or none. A relative phi is relativePhi times the running rms of u: outer gradients have
// an rms near 1e-3, where the paper's bound of 1 never acts. Lambda is taken with the phi of the last step, which
// is the one that the step was clipped to.
//
// With pipeline 0, penalty constant and clip none this is SlowMo (Wang et al. 2020) with slow momentum beta and slow
// rate lr; with beta 0 and lr 1 as well it is Local SGD.
const (
	// relativePhi times the rms of its input is where a momentum is clipped.
	relativePhi = 6
	// rmsMemory is the weight of the newest input in the running mean square, once there have been as many as 1/rmsMemory.
	rmsMemory = 0.1
)

// delayed is what the step remembers besides m, of the step before.
type delayed struct {
	steps uint64
	power float64 // running mean square of u
	phi   float64
	kept  float64 // what a norm clip and the rate left of m: x' - x = lr kept Clip(m, phi), elementwise
	moved float64 // ||x - x'|| / lr
}

func (o *Outer[T]) co2(next, x, sum []T, scale, rate T) {
	s := &o.delayed
	d := float64(max(1, len(sum)))
	o.penalise(sum, scale, math.Sqrt(d))

	s.steps++
	weight := max(rmsMemory, 1/float64(s.steps))
	s.power += float64(weight * (vec.Norm2(sum)/d - s.power))
	s.phi = o.phi
	if s.phi == 0 {
		s.phi = relativePhi * math.Sqrt(s.power)
	}

	for i, u := range sum {
		o.Momentum[i] = T(o.mu*o.Momentum[i]) + u
		sum[i] = o.clipped(o.Momentum[i])
	}
	s.kept = float64(rate)
	norm := math.Sqrt(vec.Norm2(sum))
	if bound := float64(s.phi * math.Sqrt(d)); o.clip == "norm" && norm > bound {
		s.kept *= bound / norm
	}
	s.moved = float64(s.kept * norm)
	vec.Step(next, x, T(o.lr*T(s.kept)), sum)
}

// penalise turns the window's sum into u = scale * sum / Lambda; root is sqrt(d).
func (o *Outer[T]) penalise(sum []T, scale T, root float64) {
	s := &o.delayed
	switch {
	case s.phi == 0: // no step was taken, or one of length 0
		vec.Scale(sum, scale)
	case o.penalty == "gap-norm":
		lambda := 1 + s.moved/float64(s.phi*root)
		vec.Scale(sum, T(float64(scale)/lambda))
	case o.penalty == "gap-elementwise":
		unit := T(s.kept / s.phi)
		for i, g := range sum {
			gap := T(unit * o.clipped(o.Momentum[i]))
			sum[i] = T(scale*g) / (1 + max(gap, -gap))
		}
	default:
		vec.Scale(sum, scale)
	}
}

// clipped is a coordinate of m after an elementwise clip, or as it is under the others.
func (o *Outer[T]) clipped(m T) T {
	if o.clip != "elementwise" {
		return m
	}
	phi := T(o.delayed.phi)
	return max(-phi, min(phi, m))
}

// Scalars are what a snapshot of the optimiser holds besides its vectors; none but for co2.
func (o *Outer[T]) Scalars() []float64 {
	if o.kind != "co2" {
		return nil
	}
	s := &o.delayed
	return []float64{float64(s.steps), s.power, s.phi, s.kept, s.moved}
}

// SetScalars restores Scalars, from a slice of the same length.
func (o *Outer[T]) SetScalars(v []float64) {
	if o.kind == "co2" {
		o.delayed = delayed{steps: uint64(v[0]), power: v[1], phi: v[2], kept: v[3], moved: v[4]}
	}
}
