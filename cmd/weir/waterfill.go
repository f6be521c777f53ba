package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"weir/problem/certificate"
	"weir/problem/waterfill"
	"weir/record"
)

type waterfillCmd struct {
	Game     string  `arg:"" name:"game" help:"The JSON file that describes the channel, or where --draw writes one."`
	Schedule string  `enum:"sequential,simultaneous,async" default:"simultaneous" help:"Who answers when: sequential, simultaneous or async (default ${default})."`
	Relax    float64 `default:"1" placeholder:"L" help:"Go only this part of the way to a best response, above 0 and at most 1."`
	Tol      float64 `default:"1e-12" placeholder:"T" help:"Settled when nobody is further than this from its best response (default ${default})."`
	Max      int     `name:"iterations" default:"10000" placeholder:"N" help:"Give up after this many iterations (default ${default})."`
	Seed     uint64  `default:"1" placeholder:"S" help:"Seeds what is random: a drawn channel, async, measurement errors."`
	Delay    int     `default:"10" placeholder:"N" help:"async: measurements are up to this many updates old (default ${default})."`
	Pause    float64 `placeholder:"P" help:"async: chance that a user rests for a while after an update."`
	Noise    float64 `placeholder:"E" help:"Size of the error of every measurement, as a Euclidean norm."`
	Measured float64 `default:"1" placeholder:"P" help:"Share of the carriers that are measured before an update."`
	Out      string  `placeholder:"DIR" help:"Write report.html and result.json there."`
	JSON     bool    `name:"json" help:"Print the result as JSON."`

	Draw       string  `placeholder:"KIND" help:"Draw a channel first and write it to GAME: rayleigh, cells or taps."`
	Users      int     `default:"8" placeholder:"Q" help:"--draw: users (default ${default})."`
	Carriers   int     `default:"16" placeholder:"K" help:"--draw: carriers (default ${default})."`
	Cross      float64 `default:"0.002" placeholder:"G" help:"--draw rayleigh or taps: mean gain between different users, beside 1 (default ${default})."`
	Neighbours int     `placeholder:"N" help:"--draw: how many others a receiver hears (default: all)."`
}

func (waterfillCmd) Help() string {
	return `Users spread their power over carriers, each answering what it hears of the others, until nobody gains by a change. The
certificate says beforehand whether that must happen, on any schedule, and how fast; the error bound says afterwards how
far it is from the equilibrium at most. Play that goes round in a cycle is called a cycle, and the largest relaxation is
sought with which it settles.

GAME is JSON: {"gain": [Q][Q][K], "noise": [Q][K], "budget": [Q]}, with gain by receiver, transmitter and carrier, and
optionally "mask": [Q][K] (null for no bound) and "start": [Q][K]. docs/waterfilling.md says how to read the result.

Examples:
  weir waterfill game.json --draw rayleigh --users 8 --carriers 16
  weir waterfill game.json --schedule async --delay 50 --json
  weir waterfill game.json --relax 0.5 --out runs/game`
}

// waterfillResult is what --json prints.
type waterfillResult struct {
	Power       [][]float64 `json:"power"`     // [Q][K]
	RateBits    []float64   `json:"rate_bits"` // [Q], a channel use
	SumRate     float64     `json:"sum_rate"`
	Iterations  int         `json:"iterations"`
	Converged   bool        `json:"converged"`
	CycleLength int         `json:"cycle_length"` // 0: no cycle was seen
	Residual    float64     `json:"residual"`
	ErrorBound  *float64    `json:"error_bound"` // null: not certified
	Certificate struct {
		Rho       float64   `json:"rho"`
		Certified bool      `json:"certified"`
		AsyncRate *float64  `json:"async_rate"` // these are null where it is not certified
		Weights   []float64 `json:"weights"`
		SGNMargin *float64  `json:"sgn_margin"`
	} `json:"certificate"`
	SettlesWith *float64 `json:"settles_with,omitempty"` // largest relaxation that was seen to settle; 0: none was
	Saturated   []int    `json:"saturated,omitempty"`    // users whose masks hold no more than their budgets
}

// Run plays the game and says how it ended.
func (c *waterfillCmd) Run(ctx context.Context, term terminal) error {
	opt := waterfill.Options{
		Schedule: c.Schedule, Relax: c.Relax, Tol: c.Tol, Max: c.Max, Seed: c.Seed, Delay: c.Delay, Pause: c.Pause,
		Measurement: waterfill.Measurement{Noise: c.Noise, Share: c.Measured},
	}
	if err := opt.Validate(); err != nil {
		return usage("--%v", strings.ReplaceAll(err.Error(), "\n", "\n  --"))
	}
	g, err := c.open(term)
	if err != nil {
		return err
	}
	if opt.Certificate, err = certificate.Of(g.Lipschitz()); err != nil {
		return err
	}
	watch := &watcher{out: term.err, last: time.Now(), max: c.Max}
	var page *record.Play
	opt.Observe = watch.show
	if c.Out != "" {
		page = record.NewPlay(strings.TrimSuffix(c.Game, ".json"), g, opt)
		opt.Observe = func(s waterfill.Step) { watch.show(s); page.Add(s) }
	}
	played, err := waterfill.Solve(ctx, g, opt)
	if err != nil {
		return err
	}
	result := describePlay(g, played, opt.Certificate)
	if !played.Converged && c.Noise == 0 && c.Measured == 1 {
		relax, err := waterfill.LargestRelaxation(ctx, g, opt, watch.trying)
		if err != nil {
			return err
		}
		result.SettlesWith = &relax
	}
	if page != nil {
		if err := page.Write(c.Out, played, result); err != nil {
			return err
		}
	}
	if c.JSON {
		return printJSON(term.out, result)
	}
	return c.tell(term.out, g, result)
}

// open reads the game, or draws it first.
func (c *waterfillCmd) open(term terminal) (*waterfill.Game, error) {
	if c.Draw != "" {
		if err := c.draw(term); err != nil {
			return nil, err
		}
	}
	g, err := waterfill.Read(c.Game)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, usage("%s: %v (--draw rayleigh makes a game there)", c.Game, err)
	case err != nil:
		return nil, usage("%s: %v", c.Game, err)
	}
	for _, q := range g.Saturated() {
		fmt.Fprintf(term.err, "%s: budget[%d] is not below what mask[%d] holds: user %d sends at its mask\n", c.Game, q, q, q)
	}
	return g, nil
}

// drawnDigits are those of a gain in a drawn game's file.
const drawnDigits = 6

func (c *waterfillCmd) draw(term terminal) error {
	generator := waterfill.Generator{
		Kind: c.Draw, Users: c.Users, Carriers: c.Carriers, Cross: c.Cross, Neighbours: c.Neighbours, Seed: c.Seed,
	}
	g, err := generator.Draw()
	if err != nil {
		return usage("--draw: %v", err)
	}
	f, err := os.OpenFile(c.Game, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return usage("--draw: %v: choose the name of a new file", err)
	}
	_, err = f.Write(g.AppendJSON(nil, drawnDigits))
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	fmt.Fprintf(term.err, "%s: drew %d users on %d carriers\n", c.Game, c.Users, c.Carriers)
	return nil
}

func describePlay(g *waterfill.Game, played *waterfill.Result, c *certificate.Certificate) waterfillResult {
	r := waterfillResult{
		Iterations: played.Iteration, Converged: played.Converged, CycleLength: played.CycleLength, Residual: played.Residual,
		Saturated: g.Saturated(),
	}
	insr := make([]float64, g.Carriers)
	for q := range g.Users {
		p := g.Block(played.Power, q)
		g.INSR(q, played.Power, insr)
		r.Power = append(r.Power, p)
		r.RateBits = append(r.RateBits, waterfill.Rate(p, insr))
		r.SumRate += r.RateBits[q]
	}
	r.Certificate.Rho, r.Certificate.Certified = c.Rho, c.Certified
	if c.Certified {
		bound := played.ErrorBound(c)
		r.ErrorBound = &bound
		r.Certificate.AsyncRate, r.Certificate.Weights, r.Certificate.SGNMargin = &c.Rate, c.Weights, &c.Margin
	}
	return r
}

// tell says how play ended.
func (c *waterfillCmd) tell(out io.Writer, g *waterfill.Game, r waterfillResult) error {
	k := r.Certificate
	if k.Certified {
		fmt.Fprintf(out, "certified: rho %s is below 1, so every schedule reaches the one equilibrium, by a factor of %s a cycle\n", figure(k.Rho), figure(*k.AsyncRate))
	} else {
		fmt.Fprintf(out, "not certified: rho %s is not below 1, which proves nothing: it may settle, cycle, or have several equilibria\n", figure(k.Rho))
	}
	switch {
	case r.Converged:
		fmt.Fprintf(out, "settled after %d iterations: residual %s", r.Iterations, figure(r.Residual))
		if r.ErrorBound != nil {
			fmt.Fprintf(out, ", at most %s from the equilibrium in the certificate's norm", figure(*r.ErrorBound))
		}
		fmt.Fprintln(out)
	case r.CycleLength > 0:
		fmt.Fprintf(out, "goes round in a cycle of %d iterations: residual %s\n", r.CycleLength, figure(r.Residual))
	default:
		fmt.Fprintf(out, "did not settle in %d iterations: residual %s\n", r.Iterations, figure(r.Residual))
	}
	if r.SettlesWith != nil && *r.SettlesWith > 0 {
		fmt.Fprintf(out, "next: --relax %.4g settles, the largest of those tried\n", math.Floor(*r.SettlesWith*1e4)/1e4)
	} else if r.SettlesWith != nil {
		fmt.Fprintln(out, "no relaxation down to 1/64 settles: try --schedule sequential")
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "user\tbits a use\tcarriers in use\tpower\t")
	for q, p := range r.Power {
		if q == shownUsers {
			fmt.Fprintf(table, "...\t\t\t\t\n")
			break
		}
		used, power := 0, 0.0
		for _, v := range p {
			if v > 0 {
				used++
			}
			power += v
		}
		fmt.Fprintf(table, "%d\t%s\t%d of %d\t%s\t\n", q, figure(r.RateBits[q]), used, g.Carriers, figure(power))
	}
	fmt.Fprintf(table, "sum\t%s\t\t\t\n", figure(r.SumRate))
	if err := table.Flush(); err != nil {
		return err
	}
	if c.Out != "" {
		_, err := fmt.Fprintf(out, "%s/report.html shows water levels, rates and convergence\n", c.Out)
		return err
	}
	return nil
}

// shownUsers is how many users the table lists.
const shownUsers = 20

// watcher tells where play is, every few seconds.
type watcher struct {
	out  io.Writer
	last time.Time
	max  int
}

func (w *watcher) show(s waterfill.Step) {
	if time.Since(w.last) >= linesEvery {
		w.last = time.Now()
		fmt.Fprintf(w.out, "iteration %d of at most %d: residual %s\n", s.Iteration, w.max, figure(s.Residual))
	}
}

func (w *watcher) trying(relax float64) {
	if time.Since(w.last) >= linesEvery {
		w.last = time.Now()
		fmt.Fprintf(w.out, "does it settle with --relax %s?\n", figure(relax))
	}
}
