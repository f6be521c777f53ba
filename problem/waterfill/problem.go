package waterfill

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"

	"weir/config"
	"weir/problem"
	"weir/problem/certificate"
)

// Problem gives a game to the clients of a run: client q is user q, and owns its block of the joint power vector. It
// implements problem.Problem[float64].
//
// A round is one best response to the powers of the version it starts from; the update is the change of the client's own
// block and 0 elsewhere, to be applied whole (aggregate.weights: block). Relaxation is outer.lr.
type Problem struct {
	game        *Game
	start       []float64
	measurement Measurement
	certificate *certificate.Certificate
	equilibrium func() []float64
	stations    sync.Pool // of *station, for Evaluate
}

// Open reads the game in cfg.Problem.File. Faults are those of Config.Fault.
func Open(cfg config.Config) (*Problem, error) {
	if cfg.Problem.File == "" {
		return nil, cfg.Fault("problem.file", "kind waterfill needs a JSON file with gain, noise and budget")
	}
	g, err := Read(cfg.Problem.File)
	if err != nil {
		return nil, cfg.Fault("problem.file", "%w", err)
	}
	if g.Users != cfg.Clients.Count {
		return nil, cfg.Fault("clients.count", "must be %d, the users in %s", g.Users, cfg.Problem.File)
	}
	return NewProblem(g, Measurement{Noise: cfg.Problem.Noise, Share: cfg.Problem.Measured})
}

// NewProblem returns the problem of reaching an equilibrium of g by measurements of the given quality.
func NewProblem(g *Game, m Measurement) (*Problem, error) {
	c, err := certificate.Of(g.Lipschitz())
	if err != nil {
		return nil, err
	}
	p := &Problem{game: g, start: g.Start(), measurement: m, certificate: c}
	p.stations.New = func() any { return newStation(g) }
	p.equilibrium = sync.OnceValue(p.solve)
	return p, nil
}

// Dim is users times carriers.
func (p *Problem) Dim() int { return len(p.start) }

// Clients is the number of users.
func (p *Problem) Clients() int { return p.game.Users }

// Samples is 1: all users count the same.
func (p *Problem) Samples(int) int { return 1 }

// Start writes the powers that play begins with into x.
func (p *Problem) Start(x []float64) { copy(x, p.start) }

// Optimum is the equilibrium where it is certified to be the only one, else nil.
func (p *Problem) Optimum() []float64 {
	if !p.certificate.Certified {
		return nil
	}
	return p.equilibrium()
}

func (p *Problem) solve() []float64 {
	opt := DefaultOptions()
	opt.Tol, opt.Certificate = 1e-15, p.certificate
	result, err := Solve(context.Background(), p.game, opt)
	if err != nil || result.ErrorBound(p.certificate) > 1e-9 {
		return nil
	}
	return result.Power
}

// Evaluate measures the powers x: residual, the largest distance of a user from its best response, sum_rate in bits a
// channel use and, where the game is certified, error_bound, what the distance from the equilibrium is at most.
func (p *Problem) Evaluate(x []float64, each problem.Each) problem.Metrics {
	const usersAPart = 8
	g := p.game
	rates, residuals := make([]float64, g.Users), make([]float64, g.Users)
	each((g.Users+usersAPart-1)/usersAPart, func(part int) {
		s := p.stations.Get().(*station) //nolint:errcheck // it holds nothing else
		defer p.stations.Put(s)
		best := make([]float64, g.Carriers)
		for q := part * usersAPart; q < min(g.Users, (part+1)*usersAPart); q++ {
			s.answer(best, q, x)
			rates[q], residuals[q] = Rate(g.Block(x, q), s.insr), distance(best, g.Block(x, q))
		}
	})
	largest := 0.0
	for _, r := range residuals {
		largest = max(largest, r)
	}
	metrics := problem.Metrics{{Name: "residual", Value: largest}, {Name: "sum_rate", Value: total(rates)}}
	if p.certificate.Certified {
		metrics = append(metrics, problem.Metric{Name: "error_bound", Value: p.certificate.ErrorBound(residuals)})
	}
	return metrics
}

// Operator returns a new operator.
func (p *Problem) Operator() problem.Operator[float64] {
	return &operator{p, newStation(p.game), make([]float64, p.game.Carriers)}
}

type operator struct {
	problem *Problem
	station *station
	best    []float64
}

// Work has the round's client answer what it measures of x. The loss it reports is how far it was from its best
// response.
func (o *operator) Work(_ context.Context, r problem.Round, x, delta []float64) (problem.Report, error) {
	g := o.problem.game
	if r.Client < 0 || r.Client >= g.Users {
		return problem.Report{}, fmt.Errorf("there is no user %d among %d", r.Client, g.Users)
	}
	own := g.Block(x, r.Client)
	source := rand.New(rand.NewPCG(r.Seed, uint64(r.Client)))
	o.station.respond(o.best, r.Client, own, func(u int) []float64 { return g.Block(x, u) }, o.problem.measurement, source)
	clear(delta)
	change := g.Block(delta, r.Client)
	for k, v := range o.best {
		change[k] = own[k] - v
	}
	return problem.Report{Loss: distance(o.best, own), Steps: 1, Samples: 1}, nil
}
