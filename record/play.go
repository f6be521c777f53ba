package record

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"weir/atomicfile"
	"weir/problem/waterfill"
	"weir/record/chart"
)

// Play is the record of a game that was played without a run around it.
type Play struct {
	name  string
	game  *waterfill.Game
	opt   waterfill.Options
	steps thinned[playStep]
	first float64 // error bound of the start
	insr  []float64
}

// playStep is one iteration.
type playStep struct {
	iteration, cycles int
	residual, bound   float64
	rates             []float64
	sum               float64
}

// shownRates is how many users a page shows the rates of; of more, it shows the sum.
const shownRates = 8

// NewPlay returns the empty record of a game that is about to be played.
func NewPlay(name string, g *waterfill.Game, opt waterfill.Options) *Play {
	return &Play{name: name, game: g, opt: opt, steps: thinned[playStep]{max: keptVersions}, insr: make([]float64, g.Carriers)}
}

// Add takes an iteration.
func (p *Play) Add(s waterfill.Step) {
	step := playStep{iteration: s.Iteration, cycles: s.Cycles, residual: s.Residual, bound: s.ErrorBound(p.opt.Certificate)}
	for q := range p.game.Users {
		p.game.INSR(q, s.Power, p.insr)
		rate := waterfill.Rate(p.game.Block(s.Power, q), p.insr)
		step.sum += rate
		if p.game.Users <= shownRates {
			step.rates = append(step.rates, rate)
		}
	}
	if s.Iteration == 0 {
		p.first = step.bound
	}
	p.steps.add(step)
}

// Write writes report.html and result.json, which holds result, into a folder that it makes if need be.
func (p *Play) Write(dir string, played *waterfill.Result, result any) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	text, err := json.MarshalIndent(result, "", "  ")
	if err != nil {
		return err
	}
	return errors.Join(
		atomicfile.WriteBytes(filepath.Join(dir, "result.json"), append(text, '\n')),
		atomicfile.Write(filepath.Join(dir, reportFile), p.page(played).write),
	)
}

func (p *Play) page(played *waterfill.Result) page {
	g := p.game
	return page{
		Kicker: fmt.Sprintf("weir · water-filling · %s on %s · %s", plural(uint64(g.Users), "user"), plural(uint64(g.Carriers), "carrier"), p.opt.Schedule),
		Title:  p.name, Lede: []string{outcome(played)},
		Sections: keepSections(waterfilling(p.approach(), g, played.Power)...),
		Source:   "weir waterfill",
	}
}

func outcome(played *waterfill.Result) string {
	after := fmt.Sprintf("after %s, at a residual of %s.", plural(uint64(played.Iteration), "iteration"), chart.Number(played.Residual))
	switch {
	case played.Converged:
		return "It settled " + after
	case played.CycleLength > 0:
		return fmt.Sprintf("It goes round in a cycle of %s, seen %s", plural(uint64(played.CycleLength), "iteration"), after)
	}
	return "It had not settled " + after
}

// approach lays the iterations out along their number.
func (p *Play) approach() approach {
	a := approach{axis: chart.Axis{Label: "iterations", Zero: true}}
	if p.game.Users <= shownRates {
		a.rates = make([][]float64, p.game.Users)
	}
	c := p.opt.Certificate
	certified := c != nil && c.Certified
	a.certified = chart.Series{Name: "certified", Color: 7}
	allowed, cycles := p.first, 0
	for _, s := range p.steps.rows() {
		at := float64(s.iteration)
		a.at, a.residual, a.sum = append(a.at, at), append(a.residual, s.residual), append(a.sum, s.sum)
		for q, rate := range s.rates {
			a.rates[q] = append(a.rates[q], rate)
		}
		if !certified {
			continue
		}
		a.bound = append(a.bound, s.bound)
		if p.opt.Noise > 0 || p.opt.Share != 0 && p.opt.Share != 1 {
			continue
		}
		for ; cycles < s.cycles; cycles++ {
			allowed *= c.RelaxedRate(p.opt.Relax)
		}
		a.certified.X, a.certified.Y = append(a.certified.X, at), append(a.certified.Y, allowed)
	}
	return a
}
