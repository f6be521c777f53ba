package selection

import (
	"slices"

	"weir/portable"
)

// scorer computes heteroselect's components and scores, over the clients that may be chosen.
type scorer struct {
	parts  [len(Components{})][]float64 // by component, then by place among the candidates
	scores []float64                    // in [0, 1]
	logs   []float64                    // log(1 + k)
}

// size makes room for n candidates.
func (s *scorer) size(n int) {
	for i := range s.parts {
		s.parts[i] = slices.Grow(s.parts[i][:0], n)[:n]
	}
	s.scores = slices.Grow(s.scores[:0], n)[:n]
}

// measure fills in the components of the clients that ids name (arXiv 2508.06692; ALGORITHMS.md 4.1).
//
//	V  min-max of the loss, or of n sqrt(mean loss^2)
//	D  1 - cos(last update, direction of the model), clipped to [0, 1]
//	F  1 - chosen/mean of chosen, clipped to [-1, 1]
//	S  min-max of log(1 + rounds since it was last chosen), all rounds so far for one that never was
//	U  min-max of 1/duration
//
// The paper's gamma multiplies what S is the min-max of, and so drops out.
func (s *scorer) measure(of Situation, ids []uint32, value string) {
	s.size(len(ids))
	chosen := 0.0
	for i, id := range ids {
		c := &of.Clients[id]
		v := c.Loss
		if value == "size-rms" {
			v = c.Reward()
		}
		s.parts[Value][i] = v
		s.parts[Diversity][i] = 0.5
		if finite(c.Cosine) {
			s.parts[Diversity][i] = clip(1-c.Cosine, 0, 1)
		}
		s.parts[Fairness][i] = float64(c.Chosen)
		chosen += float64(c.Chosen)
		s.parts[Staleness][i] = s.log1p(of.Round - min(c.Last, of.Round))
		s.parts[Speed][i] = 1 / c.Duration
	}
	mean := max(chosen, 1) / float64(len(ids)) // before the first choice any mean will do
	for i, count := range s.parts[Fairness] {
		s.parts[Fairness][i] = clip(1-count/mean, -1, 1)
	}
	minmax(s.parts[Value], 0.5)
	minmax(s.parts[Staleness], 0.5)
	minmax(s.parts[Speed], 0.5)
}

// log1p is log(1 + k). Few different k come up, so their logarithms are kept.
func (s *scorer) log1p(k uint64) float64 {
	const most = 1 << 16
	if k >= most {
		return portable.Log(1 + float64(k))
	}
	for uint64(len(s.logs)) <= k {
		s.logs = append(s.logs, portable.Log(1+float64(len(s.logs))))
	}
	return s.logs[k]
}

// minmax maps values onto [0, 1]: the least to 0, the largest to 1, and what is not finite to fallback. Where no two
// differ all are 0. The paper adds 1e-8 to the range instead, by which scores would change with the unit of the loss.
func minmax(values []float64, fallback float64) {
	low, high, known := 0.0, 0.0, false
	for _, v := range values {
		switch {
		case !finite(v):
		case !known:
			low, high, known = v, v, true
		default:
			low, high = min(low, v), max(high, v)
		}
	}
	span := high - low
	for i, v := range values {
		switch {
		case !finite(v):
			values[i] = fallback
		case !(span > 0):
			values[i] = 0
		case !finite(span): // values so far apart that their difference overflows
			values[i] = (v/2 - low/2) / (high/2 - low/2)
		default:
			values[i] = (v - low) / span
		}
	}
}

// add combines the components: the score is the min-max of sum_j w_j component_j.
func (s *scorer) add(weights [5]float64) {
	for i := range s.scores {
		sum := 0.0
		for j, w := range weights {
			sum += float64(w * s.parts[j][i])
		}
		s.scores[i] = sum
	}
	minmax(s.scores, 0)
}

// epsilon keeps a component of 0 from making a product 0.
const epsilon = 0.1

// multiply combines the components: the score is the min-max of prod_j (epsilon + component_j)^w_j, with fairness moved
// to [0, 1] first. A client must then do well in everything.
func (s *scorer) multiply(weights [5]float64) {
	for i := range s.scores {
		sum := 0.0 // of logarithms
		for j, w := range weights {
			c := s.parts[j][i]
			if j == Fairness {
				c = (1 + c) / 2
			}
			if w > 0 {
				sum += float64(w * portable.Log(epsilon+c))
			}
		}
		s.scores[i] = portable.Exp(sum)
	}
	minmax(s.scores, 0)
}

// of are the components of the candidate at a place.
func (s *scorer) of(place int) Components {
	var c Components
	for j := range c {
		c[j] = s.parts[j][place]
	}
	return c
}

func clip(v, low, high float64) float64 { return max(low, min(v, high)) }
