package waterfill

import (
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/mat"

	"weir/problem/certificate"
)

// A second way to everything that tests compare with: water levels by bisection, and equilibria from the
// Karush-Kuhn-Tucker conditions, which know nothing of best responses.

// tb is a *testing.T or a *rapid.T.
type tb interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// plainFill is the operator by bisection on the level.
func plainFill(insr, mask []float64, budget float64) []float64 {
	p := make([]float64, len(insr))
	if budget == 0 {
		return p
	}
	room := 0.0
	for k := range insr {
		if mask == nil {
			room = math.Inf(1)
			break
		}
		room += mask[k]
	}
	if room <= budget {
		copy(p, mask)
		return p
	}
	fill := func(level float64) (sum float64) {
		for k, floor := range insr {
			p[k] = max(0, level-floor)
			if mask != nil {
				p[k] = min(p[k], mask[k])
			}
			sum += p[k]
		}
		return sum
	}
	low, high := insr[0], insr[0]
	for k, floor := range insr {
		low, high = min(low, floor), max(high, floor)
		if mask != nil && !math.IsInf(mask[k], 1) {
			high = max(high, floor+mask[k])
		}
	}
	high += budget
	for range 3000 {
		middle := low + (high-low)/2
		if middle == low || middle == high {
			break
		}
		if fill(middle) < budget {
			low = middle
		} else {
			high = middle
		}
	}
	fill((low + high) / 2)
	return p
}

// solver finds an equilibrium of a game as a point that satisfies the KKT conditions: with nu_q the multiplier of user
// q's budget, every carrier is dry (p = 0, insr >= nu), full (p = mask, insr + p <= nu) or between (insr + p = nu). For
// given sets these are linear equations; the sets are corrected until no condition is violated.
type solver struct {
	game  *Game
	state []int // of each power: dry, between, full
	power []float64
	nu    []float64
}

const (
	dry = iota
	between
	full
)

// equilibrium returns nil when the sets do not settle.
func equilibrium(t tb, g *Game) []float64 {
	t.Helper()
	s := &solver{game: g, state: make([]int, g.Users*g.Carriers), power: make([]float64, g.Users*g.Carriers), nu: make([]float64, g.Users)}
	s.guess()
	for range 200 {
		if !s.solve() {
			return nil
		}
		if !s.correct() {
			return s.power
		}
	}
	return nil
}

// interference is what user q hears besides noise, on one carrier, straight from the links.
func (s *solver) insr(q, k int) float64 {
	v := s.game.noise[q][k]
	for _, l := range s.game.hears[q] {
		v += l.gain[k] * s.power[l.from*s.game.Carriers+k]
	}
	return v
}

// guess takes the sets from a few sweeps of plain water-filling.
func (s *solver) guess() {
	g := s.game
	for range 60 {
		for q := range g.Users {
			insr := make([]float64, g.Carriers)
			for k := range insr {
				insr[k] = s.insr(q, k)
			}
			copy(s.power[q*g.Carriers:], plainFill(insr, g.mask[q], g.budget[q]))
		}
	}
	for i, p := range s.power {
		mask := g.mask[i/g.Carriers]
		switch {
		case mask != nil && p >= mask[i%g.Carriers]-1e-12:
			s.state[i] = full
		case p > 1e-12:
			s.state[i] = between
		}
	}
}

// solve sets the powers and multipliers from the linear equations of the present sets.
func (s *solver) solve() bool {
	g := s.game
	n := len(s.power)
	a, b := mat.NewDense(n+g.Users, n+g.Users, nil), mat.NewVecDense(n+g.Users, nil)
	for q := range g.Users {
		free := false
		for k := range g.Carriers {
			i := q*g.Carriers + k
			a.Set(i, i, 1)
			switch s.state[i] {
			case full:
				b.SetVec(i, g.mask[q][k])
			case between:
				free = true
				for _, l := range g.hears[q] {
					a.Set(i, l.from*g.Carriers+k, l.gain[k])
				}
				a.Set(i, n+q, -1)
				b.SetVec(i, -g.noise[q][k])
			}
			if free {
				a.Set(n+q, i, 1)
			}
		}
		if free {
			for k := range g.Carriers {
				a.Set(n+q, q*g.Carriers+k, 1)
			}
			b.SetVec(n+q, g.budget[q])
		} else {
			for k := range g.Carriers {
				a.Set(n+q, q*g.Carriers+k, 0)
			}
			a.Set(n+q, n+q, 1)
		}
	}
	var factor mat.LU
	factor.Factorize(a)
	x := mat.NewVecDense(n+g.Users, nil)
	if err := factor.SolveVecTo(x, false, b); err != nil {
		return false
	}
	copy(s.power, x.RawVector().Data[:n])
	copy(s.nu, x.RawVector().Data[n:])
	return true
}

// correct moves what violates a condition to another set, and reports whether anything did.
func (s *solver) correct() bool {
	changed := false
	for q := range s.game.Users {
		mask := s.game.mask[q]
		if mask != nil && total(mask) <= s.game.budget[q] {
			changed = s.setAll(q, full) || changed
		} else if s.free(q) {
			changed = s.correctUser(q) || changed
		} else {
			changed = s.release(q) || changed
		}
	}
	return changed
}

func (s *solver) setAll(q, state int) bool {
	changed := false
	for k := range s.game.Carriers {
		i := q*s.game.Carriers + k
		changed = changed || s.state[i] != state
		s.state[i] = state
	}
	return changed
}

// free reports whether a carrier of the user is between its bounds, so that its multiplier is known.
func (s *solver) free(q int) bool {
	return slices.Contains(s.state[q*s.game.Carriers:(q+1)*s.game.Carriers], between)
}

func (s *solver) correctUser(q int) bool {
	const tiny = 1e-13
	changed := false
	for k := range s.game.Carriers {
		i := q*s.game.Carriers + k
		p, mask, was := s.power[i], s.game.mask[q], s.state[i]
		switch {
		case mask != nil && mask[k] == 0:
			s.state[i] = dry
		case was == between && p < -tiny:
			s.state[i] = dry
		case was == between && mask != nil && p > mask[k]+tiny:
			s.state[i] = full
		case was == dry && s.insr(q, k) < s.nu[q]-tiny, was == full && s.insr(q, k)+p > s.nu[q]+tiny:
			s.state[i] = between
		}
		changed = changed || s.state[i] != was
	}
	return changed
}

// release frees the carrier of a user without a free one that is the first to give or to take what its sum is off by.
func (s *solver) release(q int) bool {
	const tiny = 1e-13
	off := s.game.budget[q]
	best, at := math.Inf(1), -1
	for k := range s.game.Carriers {
		off -= s.power[q*s.game.Carriers+k]
	}
	if math.Abs(off) <= tiny {
		return false
	}
	for k := range s.game.Carriers {
		i := q*s.game.Carriers + k
		mask := s.game.mask[q]
		key := s.insr(q, k)
		if off < 0 {
			key = -key - s.power[i]
		}
		if canTake := off > 0 && s.state[i] == dry && !(mask != nil && mask[k] == 0); (canTake || off < 0 && s.state[i] == full) && key < best {
			best, at = key, i
		}
	}
	if at < 0 {
		return false
	}
	s.state[at] = between
	return true
}

// scaled is a game like g whose cross gains are multiplied so that rho(S) is the given one.
func scaled(t tb, g *Game, rho float64) *Game {
	t.Helper()
	now := certificate.SpectralRadius(g.Lipschitz())
	if now == 0 {
		return g
	}
	for _, hears := range g.hears {
		for _, l := range hears {
			for k := range l.gain {
				l.gain[k] *= rho / now
			}
		}
	}
	return g
}

// drawGame is a random game: any channel, some users with masks, some with budgets above their masks, any start.
func drawGame(t tb, seed uint64, users, carriers int) *Game {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 17))
	g, err := Generator{Kind: GeneratorKinds()[r.IntN(3)], Users: users, Carriers: carriers, Cross: 1, Seed: seed}.Draw()
	if err != nil {
		t.Fatal(err)
	}
	g.start = make([][]float64, users)
	for q := range users {
		g.budget[q] = 10 * r.ExpFloat64()
		for k := range carriers {
			g.noise[q][k] *= .1 + 3*r.Float64()
		}
		if r.IntN(2) == 0 {
			g.mask[q] = make([]float64, carriers)
			for k := range carriers {
				g.mask[q][k] = g.budget[q] * 3 * r.Float64() / float64(carriers)
				if r.IntN(5) == 0 {
					g.mask[q][k] = 0
				} else if r.IntN(5) == 0 {
					g.mask[q][k] = math.Inf(1)
				}
			}
		}
		if g.mask[q] != nil && slices.Min(g.mask[q]) == math.Inf(1) {
			g.mask[q] = nil
		}
		wish := make([]float64, carriers) // the start is a random feasible point
		for k := range wish {
			wish[k] = g.budget[q] * r.NormFloat64()
		}
		g.start[q] = plainFill(wish, g.mask[q], g.budget[q])
	}
	return g
}
