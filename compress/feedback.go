package compress

import "weir/vec"

// rule is how a client makes up for what compression loses.
type rule uint8

const (
	ruleNone rule = iota
	ruleEC
	ruleEF21
	ruleEF21M
	ruleEControl
)

// forget sends as none does, and takes nothing back: see Codec.Return.
var rules = map[string]rule{"none": ruleNone, "forget": ruleNone, "ec": ruleEC, "ef21": ruleEF21, "ef21m": ruleEF21M, "econtrol": ruleEControl}

// estimates says whether the rule keeps h, an estimate of g that the server mirrors.
func (r rule) estimates() bool { return r >= ruleEF21 }

// owes says whether the rule keeps e, the sum of what is still to be sent.
func (r rule) owes() bool { return r == ruleEC || r == ruleEControl }

// tile is the coordinates that are worked on at a time, so that every step after the first finds them in the cache.
const tile = 4096

// step is one update's way through the feedback rule, tile by tile: advance gives p, what is to be compressed, and
// moves the state as if nothing of it were sent; settle then takes what was sent. All vectors are the client's, whole;
// those that the rule does not have are nil.
type step[T vec.Float] struct {
	rule                rule
	beta, momentum, eta T
	g, e, h, v          []T
	scratch             [tile]T
	threshold           T              // of marks
	bits                [tile / 8]byte // where |p| of the tile that was advanced last reaches threshold, once marked

	gg, pp float64 // ||g||^2 and ||p||^2 so far
	ee     float64 // econtrol: ||e||^2 so far
}

// advance returns p of the coordinates from lo to hi, a tile or less. It is valid until the next call.
func (s *step[T]) advance(lo, hi int) []T {
	g, p := s.g[lo:hi], s.scratch[:hi-lo]
	switch s.rule {
	case ruleNone:
		gg := sumSquares(g)
		s.gg += gg
		s.pp += gg
		return g
	case ruleEC: // p = beta*e + g; e = p - q
		p = s.e[lo:hi]
		ecStep(p, g, s.beta)
	case ruleEF21: // q = C(g - h); h += q
		vec.Sub(p, g, s.h[lo:hi])
	case ruleEF21M: // v = (1-m)v + m g; q = C(v - h); h += q
		ef21mStep(p, s.v[lo:hi], g, s.h[lo:hi], s.momentum)
	case ruleEControl: // q = C(eta*e + g - h); e += g - h - q; h += q
		sums := econtrolStep(s.bits[:], p, s.e[lo:hi], g, s.h[lo:hi], s.eta, s.threshold)
		s.gg += sums[0]
		s.ee += sums[1]
		s.pp += sums[2]
		return p
	}
	s.gg += sumSquares(g)
	s.pp += sumSquares(p)
	return p
}

// marks returns the bits of p, which is what advance has just returned.
func (s *step[T]) marks(p []T) []byte {
	if s.rule != ruleEControl { // which has marked them on its way: its many vectors leave the processor time to
		mark(s.bits[:], p, s.threshold)
	}
	return s.bits[:(len(p)+7)/8]
}

// again returns what advance returned for the same coordinates, bit by bit.
func (s *step[T]) again(lo, hi int) []T {
	g, p := s.g[lo:hi], s.scratch[:hi-lo]
	switch s.rule {
	case ruleNone:
		return g
	case ruleEC:
		return s.e[lo:hi]
	case ruleEF21:
		vec.Sub(p, g, s.h[lo:hi])
	case ruleEF21M:
		vec.Sub(p, s.v[lo:hi], s.h[lo:hi])
	case ruleEControl:
		e, h := s.e[lo:hi], s.h[lo:hi]
		for i := range p {
			d := g[i] - h[i]
			p[i] = T(s.eta*(e[i]-d)) + d
		}
	}
	return p
}

// guess is about what advance will give for coordinate i: good enough to sample a threshold from.
func (s *step[T]) guess(i int) T {
	switch s.rule {
	case ruleNone:
		return s.g[i]
	case ruleEC:
		return T(s.beta*s.e[i]) + s.g[i]
	case ruleEF21:
		return s.g[i] - s.h[i]
	case ruleEF21M:
		return T((1-s.momentum)*s.v[i]) + T(s.momentum*s.g[i]) - s.h[i]
	default:
		return T(s.eta*s.e[i]) + s.g[i] - s.h[i]
	}
}

// settle takes the q that were sent for the coordinates idx, counted from lo. Scratch is as long as q. One vector at a
// time and nothing else in the loops: they wait for memory, and short loops wait for more of it at once.
func (s *step[T]) settle(lo int, idx []uint32, q, scratch []T) {
	q = q[:len(idx)]
	if s.rule.owes() {
		e, u := s.e[lo:], scratch[:len(idx)]
		for j, i := range idx {
			u[j] = e[i]
			e[i] = u[j] - q[j]
		}
		s.ee += kept(u, q)
	}
	if s.rule.estimates() {
		h := s.h[lo:]
		for j, i := range idx {
			h[i] += q[j]
		}
	}
}

// kept is by how much the square of a norm changes when the values u become u - q.
func kept[T vec.Float](u, q []T) (change float64) {
	q = q[:len(u)]
	for j, v := range u {
		change += square(v-q[j]) - square(v)
	}
	return change
}
