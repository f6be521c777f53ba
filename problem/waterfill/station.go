package waterfill

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// Measurement says how well users know what they hear. The zero value is perfect.
type Measurement struct {
	// Noise is the Euclidean norm of the error of every measured INSR, in a random direction.
	Noise float64
	// Share of the carriers that are measured before an update, drawn at random; the others keep their power. 0 stands
	// for all.
	Share float64
}

// Validate returns what is wrong with m.
func (m Measurement) Validate() error {
	if err := number(m.Noise); err != nil {
		return fmt.Errorf("measurement noise %w", err)
	}
	if !(m.Share >= 0 && m.Share <= 1) {
		return fmt.Errorf("share of measured carriers %v: must be above 0 and at most 1", m.Share)
	}
	return nil
}

func (m Measurement) perfect() bool { return m.Noise == 0 && (m.Share == 0 || m.Share == 1) }

// station works out users' answers, one at a time. It is scratch memory for one goroutine.
type station struct {
	game   *Game
	filler Filler
	insr   []float64

	carriers         []int // measured ones
	part, near, caps []float64
}

func newStation(g *Game) *station { return &station{game: g, insr: make([]float64, g.Carriers)} }

// answer writes user q's best response to what it measures while the others send p into best, and returns its water
// level.
func (s *station) answer(best []float64, q int, p []float64) float64 {
	s.game.INSR(q, p, s.insr)
	return s.fill(best, q)
}

func (s *station) fill(best []float64, q int) float64 {
	return s.filler.Fill(best, s.insr, s.game.mask[q], s.game.budget[q])
}

// respond is answer with a measurement that may be wrong and partial; own is what q sends now, sent what others do.
func (s *station) respond(best []float64, q int, own []float64, sent func(r int) []float64, m Measurement, r *rand.Rand) {
	s.game.measure(q, s.insr, sent)
	if m.Noise > 0 {
		s.disturb(m.Noise, r)
	}
	if m.Share == 0 || m.Share == 1 {
		s.fill(best, q)
		return
	}
	s.choose(m.Share, r)
	copy(best, own)
	kept := total(own)
	mask := s.game.mask[q]
	s.part, s.near, s.caps = s.part[:0], s.near[:0], s.caps[:0]
	for _, k := range s.carriers {
		kept -= own[k]
		s.near = append(s.near, s.insr[k])
		s.part = append(s.part, 0)
		if mask != nil {
			s.caps = append(s.caps, mask[k])
		}
	}
	caps := s.caps
	if mask == nil {
		caps = nil
	}
	s.filler.Fill(s.part, s.near, caps, s.game.budget[q]-kept)
	for i, k := range s.carriers {
		best[k] = s.part[i]
	}
}

// disturb adds an error of the given norm to what was measured.
func (s *station) disturb(norm float64, r *rand.Rand) {
	s.part = s.part[:0]
	square := 0.0
	for range s.insr {
		v := r.NormFloat64()
		s.part = append(s.part, v)
		square += v * v
	}
	for k, v := range s.part {
		s.insr[k] += norm * v / math.Sqrt(square)
	}
}

// choose draws the carriers that are measured: at least two, since power on a single one has nowhere to go.
func (s *station) choose(share float64, r *rand.Rand) {
	n := len(s.insr)
	s.carriers = s.carriers[:0]
	for k := range n {
		s.carriers = append(s.carriers, k)
	}
	m := min(n, max(2, int(math.Ceil(share*float64(n)))))
	for i := range m {
		j := i + r.IntN(n-i)
		s.carriers[i], s.carriers[j] = s.carriers[j], s.carriers[i]
	}
	s.carriers = s.carriers[:m]
}

// distance is the Euclidean one.
func distance(a, b []float64) float64 {
	sum := 0.0
	for k, v := range a {
		d := v - b[k]
		sum += d * d
	}
	return math.Sqrt(sum)
}
