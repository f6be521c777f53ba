package waterfill

import "math/rand/v2"

// simultaneous has all users answer what was measured before any of them did.
type simultaneous struct{}

func (simultaneous) iterate(p *play) {
	g := p.game
	if !p.opt.perfect() {
		p.crew.each(g.Users, func(s *station, q int) {
			s.respond(g.Block(p.best, q), q, g.Block(p.now.Power, q), p.sent, p.opt.Measurement, p.source(q))
		})
	}
	p.now.Cycles++
	if p.opt.Relax == 1 {
		p.now.Power, p.best = p.best, p.now.Power
		return
	}
	for q := range g.Users {
		p.move(q, g.Block(p.best, q))
	}
}

// sequential has one user after another answer what it measures then.
type sequential struct{}

func (sequential) iterate(p *play) {
	s := p.crew.stations[0]
	for q := range p.game.Users {
		best := p.game.Block(p.best, q)
		s.respond(best, q, p.game.Block(p.now.Power, q), p.sent, p.opt.Measurement, p.source(q))
		p.move(q, best)
	}
	p.now.Cycles++
}

func (p *play) sent(r int) []float64 { return p.game.Block(p.now.Power, r) }

// source is a user's own randomness in an iteration; nil where there is none.
func (p *play) source(q int) *rand.Rand {
	if p.opt.perfect() {
		return nil
	}
	return rand.New(rand.NewPCG(p.opt.Seed, uint64(p.now.Iteration)<<32|uint64(q)))
}

// maxDelay bounds the memory that old powers take.
const maxDelay = 1 << 20

// restsUpTo is how long a user rests at most, in iterations.
const restsUpTo = 20

// async has users drawn at random answer to powers of the past: of each other user, those that it sent up to Delay
// updates ago, drawn anew for each. A user may rest in between. Everybody plays again and again, which is all that
// total asynchrony asks for.
type async struct {
	random *rand.Rand
	clock  int       // updates and idle moments so far
	past   [][]stamp // by user, oldest first: the powers it has sent that may still be measured
	awake  []int     // by user: when its rest is over
	spare  [][]float64
	best   []float64

	cycle   int // when the present cycle began
	answers []bool
	missing int
}

// stamp is what a user sent from a time on.
type stamp struct {
	since int
	power []float64
}

func newAsync(p *play) *async {
	g := p.game
	a := &async{
		random: rand.New(rand.NewPCG(p.opt.Seed, 0x6173796e63)), past: make([][]stamp, g.Users), awake: make([]int, g.Users),
		best: make([]float64, g.Carriers), answers: make([]bool, g.Users), missing: g.Users,
	}
	for q := range g.Users {
		a.past[q] = []stamp{{0, append([]float64(nil), p.sent(q)...)}}
	}
	return a
}

func (a *async) iterate(p *play) {
	s := p.crew.stations[0]
	for done := 0; done < p.game.Users; {
		a.clock++
		q := a.random.IntN(p.game.Users)
		if a.awake[q] > a.clock {
			continue
		}
		done++
		s.respond(a.best, q, p.sent(q), func(r int) []float64 {
			return a.heard(r, a.clock-a.random.IntN(p.opt.Delay+1))
		}, p.opt.Measurement, a.random)
		p.move(q, a.best)
		a.send(q, p.sent(q), p.opt.Delay)
		a.count(p, q)
		if a.random.Float64() < p.opt.Pause {
			a.awake[q] = a.clock + 1 + a.random.IntN(restsUpTo*p.game.Users)
		}
	}
}

// heard is what user r sent at a time.
func (a *async) heard(r, at int) []float64 {
	past := a.past[r]
	for i := len(past) - 1; i > 0; i-- {
		if past[i].since <= at {
			return past[i].power
		}
	}
	return past[0].power
}

// send remembers a user's new powers, and forgets those that nobody can measure any more.
func (a *async) send(q int, power []float64, delay int) {
	past := a.past[q]
	gone := 0
	for gone+1 < len(past) && past[gone+1].since <= a.clock-delay {
		a.spare = append(a.spare, past[gone].power)
		gone++
	}
	past = append(past[:0], past[gone:]...)
	var kept []float64
	if n := len(a.spare); n > 0 {
		kept, a.spare = a.spare[n-1], a.spare[:n-1]
	} else {
		kept = make([]float64, len(power))
	}
	copy(kept, power)
	a.past[q] = append(past, stamp{a.clock, kept})
}

// count ends a cycle when every user has answered at a time at which nothing from before the cycle could be heard any
// more: then all powers are in the next smaller box of the asynchronous convergence theorem, and stay there (Bertsekas
// and Tsitsiklis 1989, section 6.2).
func (a *async) count(p *play, q int) {
	if a.clock-p.opt.Delay < a.cycle || a.answers[q] {
		return
	}
	a.answers[q] = true
	if a.missing--; a.missing == 0 {
		p.now.Cycles++
		a.cycle, a.missing = a.clock, p.game.Users
		clear(a.answers)
	}
}
