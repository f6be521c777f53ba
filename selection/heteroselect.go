package selection

import (
	"math"
	"math/rand/v2"
	"slices"

	"weir/portable"
)

// heteroSelect draws by a softmax over scores, without replacement (arXiv 2508.06692). O(n).
type heteroSelect struct {
	Config
	scorer  scorer
	chances []float64 // in proportion to the probabilities
	urn     urn
	picked  picked
	choices []Choice
}

func (h *heteroSelect) Choose(s Situation, free []uint32, m int, random *rand.Rand) []Choice {
	m = min(m, len(free))
	h.choices = h.choices[:0]
	h.picked.none(len(free))
	if m == 0 {
		return h.choices
	}
	h.scorer.measure(s, free, h.Value)
	if h.Combine == "multiplicative" {
		h.scorer.multiply(h.Weights.list())
	} else {
		h.scorer.add(h.Weights.list())
	}
	h.softmax(h.temperature(s.Progress))
	h.urn.fill(h.chances)
	total, mean := h.urn.total(), 0.0
	if h.AdaptDensity {
		mean = average(h.scorer.scores)
	}
	for range m {
		at := h.urn.draw(random)
		h.picked.add(at)
		c := Choice{Score: h.scorer.scores[at], Probability: h.chances[at] / total, Components: h.scorer.of(at)}
		if h.AdaptDensity {
			c.Density = density(c.Score, mean, s.Progress)
		}
		h.choices = append(h.choices, c)
	}
	h.picked.toEnd(free)
	return h.choices
}

// temperature falls linearly to half of what it was.
func (h *heteroSelect) temperature(progress float64) float64 {
	return float64(h.Temperature * (1 - float64(0.5*clip(progress, 0, 1))))
}

// softmax fills in the chances: e^((score - 1)/temperature), at most 1.
func (h *heteroSelect) softmax(temperature float64) {
	h.chances = slices.Grow(h.chances[:0], len(h.scorer.scores))[:len(h.scorer.scores)]
	for i, score := range h.scorer.scores {
		h.chances[i] = portable.Exp((score - 1) / temperature)
	}
}

// Bounds of what share of its update a client sends.
const (
	leastDensity = 0.005
	endDensity   = 0.08 // of a client with the mean score, at the end of the run
)

// density is clip(score/mean * theta, .005, 1), with theta falling from 1 on a cosine to .08. What the client is able to
// send, compress.density, bounds it besides.
func density(score, mean, progress float64) float64 {
	if mean == 0 { // all scores are equal
		score, mean = 1, 1
	}
	falling := (1 + cosine(clip(progress, 0, 1))) / 2
	theta := endDensity + float64((1-endDensity)*falling)
	return clip(float64(score/mean*theta), leastDensity, 1)
}

// cosine is cos(pi x) for x in [0, 1], the same on every build: its Taylor series about 1/2, exact to 1e-15.
func cosine(x float64) float64 {
	y := float64(math.Pi * (0.5 - x)) // cos(pi x) = sin(y), |y| <= pi/2
	square := float64(y * y)
	sum := 1.0
	for n := 22.0; n >= 2; n -= 2 {
		sum = 1 - float64(float64(square*sum)/float64(n*(n+1)))
	}
	return float64(y * sum)
}

func average(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}
