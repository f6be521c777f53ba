package waterfill

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"weir/problem/certificate"
)

// The schedules on which users answer each other.
const (
	Sequential   = "sequential"   // one user after another, each hearing the newest powers
	Simultaneous = "simultaneous" // all at once
	Async        = "async"        // in any order, with old measurements and pauses
)

// Schedules are the names that Options.Schedule may have.
func Schedules() []string { return []string{Sequential, Simultaneous, Async} }

// Options say how a game is played.
type Options struct {
	Schedule string
	Relax    float64 // lambda in (0, 1]: p <- (1-lambda) p + lambda WF(p)
	Tol      float64 // converged when every user's residual ||WF_q(p) - p_q|| is at most this
	Max      int     // iterations; one is an update by every user, or as many on the schedule async
	Seed     uint64
	Delay    int     // async: a measurement is at most this many updates old
	Pause    float64 // async: chance that a user rests after an update, for up to 20 iterations
	Measurement

	// Certificate is the game's, or nil. A certified game needs no watch for cycles.
	Certificate *certificate.Certificate
	// Observe is called before every iteration and after the last; may be nil.
	Observe func(Step)
}

// DefaultOptions play to the end of what float64 can tell.
func DefaultOptions() Options {
	return Options{Schedule: Simultaneous, Relax: 1, Tol: 1e-12, Max: 10_000, Seed: 1, Delay: 10}
}

// Validate returns every fault of o, each beginning with its name.
func (o Options) Validate() error {
	var faults []error
	want := func(ok bool, format string, args ...any) {
		if !ok {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	want(slices.Contains(Schedules(), o.Schedule), "schedule: %q: must be one of %s", o.Schedule, strings.Join(Schedules(), ", "))
	want(o.Relax > 0 && o.Relax <= 1, "relax: %v: must be above 0 and at most 1", o.Relax)
	want(o.Tol > 0 && !math.IsInf(o.Tol, 0), "tol: %v: must be above 0 (try 1e-9)", o.Tol)
	want(o.Max >= 0, "iterations: %d: must not be negative", o.Max)
	want(o.Delay >= 0 && o.Delay <= maxDelay, "delay: %d: must be between 0 and %d updates", o.Delay, maxDelay)
	want(o.Pause >= 0 && o.Pause <= 1, "pause: %v: must be a chance between 0 and 1", o.Pause)
	if err := o.Measurement.Validate(); err != nil {
		faults = append(faults, err)
	}
	return errors.Join(faults...)
}

// Step is where play stands. Its slices are lent.
type Step struct {
	Iteration int
	Cycles    int       // times that the certified rate has applied: every user has answered to powers at least as new
	Power     []float64 // of all users, see Game.Block
	Residuals []float64 // by user
	Residual  float64   // the largest
}

// Result is how play ended.
type Result struct {
	Step
	Converged   bool
	CycleLength int // iterations after which the powers come back, far from an equilibrium; 0 when that was not seen
}

// ErrorBound is what the distance from the equilibrium is at most, in the norm of the game's certificate; +Inf where it
// is not certified.
func (s Step) ErrorBound(c *certificate.Certificate) float64 {
	if c == nil {
		return math.Inf(1)
	}
	return c.ErrorBound(s.Residuals)
}

// play is a game under way.
type play struct {
	game *Game
	opt  Options
	crew *crew
	now  Step
	best []float64 // the best responses to now.Power
	// level is the highest water level: rounding is relative to it.
	level float64
}

// schedule makes one iteration of a play.
type schedule interface {
	iterate(p *play)
}

// Solve plays until nobody gains by changing its powers, a cycle is seen, Max is reached or ctx is done. The result is
// valid in all cases.
func Solve(ctx context.Context, g *Game, opt Options) (*Result, error) {
	if err := opt.Validate(); err != nil {
		return nil, err
	}
	p := newPlay(g, opt)
	order := p.schedule()
	var memory *recurrence
	if opt.Schedule != Async && opt.perfect() && !(opt.Certificate != nil && opt.Certificate.Certified) {
		memory = &recurrence{}
	}
	for {
		p.measure()
		if opt.Observe != nil {
			opt.Observe(p.now)
		}
		result := &Result{Step: p.now, Converged: p.settled()}
		if memory != nil && !result.Converged {
			result.CycleLength = memory.seen(p.now)
		}
		if result.Converged || result.CycleLength > 0 || p.now.Iteration == opt.Max {
			return result, nil
		}
		if err := ctx.Err(); err != nil {
			return result, err
		}
		order.iterate(p)
		p.now.Iteration++
	}
}

func newPlay(g *Game, opt Options) *play {
	return &play{
		game: g, opt: opt, crew: newCrew(g), best: make([]float64, g.Users*g.Carriers),
		now: Step{Power: g.Start(), Residuals: make([]float64, g.Users)},
	}
}

// measure works out everybody's best response to the powers as they are, and how far each is from it.
func (p *play) measure() {
	g := p.game
	levels := make([]float64, g.Users)
	p.crew.each(g.Users, func(s *station, q int) {
		best := g.Block(p.best, q)
		levels[q] = s.answer(best, q, p.now.Power)
		p.now.Residuals[q] = distance(best, g.Block(p.now.Power, q))
	})
	p.now.Residual, p.level = slices.Max(p.now.Residuals), slices.Max(levels)
}

// settled reports whether the residual is within the tolerance, or as small as rounding lets it be.
func (p *play) settled() bool {
	const ulp = 0x1p-52
	return p.now.Residual <= max(p.opt.Tol, ulp*p.level*math.Sqrt(float64(p.game.Carriers)))
}

func (p *play) schedule() schedule {
	switch p.opt.Schedule {
	case Sequential:
		return sequential{}
	case Simultaneous:
		return simultaneous{}
	default:
		return newAsync(p)
	}
}

// move takes a user to its best response, or on the way there.
func (p *play) move(q int, best []float64) {
	own, relax := p.game.Block(p.now.Power, q), p.opt.Relax
	if relax == 1 {
		copy(own, best)
		return
	}
	for k, v := range best {
		own[k] += relax * (v - own[k])
	}
}
