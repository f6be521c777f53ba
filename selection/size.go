package selection

import (
	"math"
	"math/rand/v2"
	"slices"
)

// bySize draws clients by the amount of their data, without replacement. O(n).
type bySize struct {
	sizes   []float64
	urn     urn
	picked  picked
	choices []Choice
}

func (b *bySize) Choose(s Situation, free []uint32, m int, random *rand.Rand) []Choice {
	b.draw(s, free, min(m, len(free)), random)
	b.picked.toEnd(free)
	return b.choices
}

// draw picks m places of free.
func (b *bySize) draw(s Situation, free []uint32, m int, random *rand.Rand) {
	b.sizes = slices.Grow(b.sizes[:0], len(free))[:len(free)]
	for i, id := range free {
		b.sizes[i] = s.Clients[id].Samples
	}
	b.urn.fill(b.sizes)
	b.picked.none(len(free))
	b.choices = b.choices[:0]
	total := b.urn.total()
	for range m {
		at := b.urn.draw(random)
		b.picked.add(at)
		b.choices = append(b.choices, Choice{Score: b.sizes[at], Probability: b.sizes[at] / total, Components: none()})
	}
}

// powerOfChoice draws candidates by the amount of their data and keeps those with the largest last loss, those never
// heard before all others: rpow-d of Cho, Wang and Joshi, arXiv 2010.01243. O(n).
type powerOfChoice struct {
	candidates int // for each that is kept
	pool       bySize
	picked     picked
	choices    []Choice
}

func (p *powerOfChoice) Choose(s Situation, free []uint32, m int, random *rand.Rand) []Choice {
	m = min(m, len(free))
	p.pool.draw(s, free, min(m*p.candidates, len(free)), random)
	places := p.pool.picked.places
	loss := func(place int) float64 {
		if l := s.Clients[free[place]].Loss; finite(l) {
			return l
		}
		return math.Inf(1)
	}
	slices.SortStableFunc(places, func(a, b int) int { // of equals the one that was drawn first
		switch x, y := loss(a), loss(b); {
		case x > y:
			return -1
		case x < y:
			return 1
		}
		return 0
	})
	p.picked.none(len(free))
	p.choices = p.choices[:0]
	for _, at := range places[:m] {
		p.picked.add(at)
		p.choices = append(p.choices, Choice{Score: s.Clients[free[at]].Loss, Probability: Unknown(), Components: none()})
	}
	p.picked.toEnd(free)
	return p.choices
}
