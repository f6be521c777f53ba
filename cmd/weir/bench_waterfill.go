package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"text/tabwriter"
	"time"

	"weir/problem/waterfill"
)

type benchWaterfillCmd struct {
	JSON bool `name:"json" help:"Print the results as JSON."`
	Reps int  `default:"12" help:"Repetitions of each case; the median counts."`
}

func (benchWaterfillCmd) Help() string {
	return `A sweep is one simultaneous iteration of 1,000 users on 1,024 carriers, each hearing 20 others, on all cores: what each user
hears, its water-filling, and its residual. A single water-filling is of 4,096 carriers, on one thread, with the level
unknown.

It is held to, on two cores:

  sweep   20 a second, 50 ms
  fill    150 us

Example:
  weir bench waterfill --json`
}

// waterfillBench is what one case took.
type waterfillBench struct {
	Name      string  `json:"name"`
	Cores     int     `json:"cores"`
	NS        int64   `json:"ns"` // median
	BestNS    int64   `json:"best_ns"`
	PerSecond float64 `json:"per_second"` // by the median
}

// Run measures every case and prints a table or JSON.
func (c *benchWaterfillCmd) Run(ctx context.Context, term terminal) error {
	if c.Reps < 1 {
		return usage("--reps=%d: must be at least 1", c.Reps)
	}
	fmt.Fprintf(term.err, "3 cases, repetitions: %d\n", c.Reps)
	sweeps, err := c.sweeps(ctx)
	if err != nil {
		return err
	}
	results := []waterfillBench{
		summarize("sweep 1,000 x 1,024, 20 neighbours", runtime.GOMAXPROCS(0), sweeps),
		summarize("fill 4,096", 1, c.fills(false)),
		summarize("fill 4,096 with masks", 1, c.fills(true)),
	}
	if c.JSON {
		return printJSON(term.out, results)
	}
	table := tabwriter.NewWriter(term.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "median\tbest\ta second\tcores\t  case\t")
	for _, r := range results {
		fmt.Fprintf(table, "%.1f us\t%.1f us\t%s\t%d\t  %s\t\n", float64(r.NS)/1e3, float64(r.BestNS)/1e3, figure(r.PerSecond), r.Cores, r.Name)
	}
	return table.Flush()
}

func summarize(name string, cores int, times []time.Duration) waterfillBench {
	slices.Sort(times)
	median := times[len(times)/2]
	return waterfillBench{Name: name, Cores: cores, NS: int64(median), BestNS: int64(times[0]), PerSecond: 1 / median.Seconds()}
}

// sweeps times the iterations of a game that is far from settled.
func (c *benchWaterfillCmd) sweeps(ctx context.Context) ([]time.Duration, error) {
	g, err := waterfill.Generator{Kind: waterfill.Rayleigh, Users: 1000, Carriers: 1024, Cross: 1, Neighbours: 20, Seed: 1}.Draw()
	if err != nil {
		return nil, err
	}
	var times []time.Duration
	var last time.Time
	opt := waterfill.DefaultOptions()
	opt.Max = c.Reps + 1
	opt.Observe = func(s waterfill.Step) {
		if s.Iteration > 1 { // the first sweep finds nothing in the cache
			times = append(times, time.Since(last))
		}
		last = time.Now()
	}
	_, err = waterfill.Solve(ctx, g, opt)
	return times, err
}

// fills times single water-fillings, on floors that are new each time.
func (c *benchWaterfillCmd) fills(masked bool) []time.Duration {
	const carriers, each = 4096, 50
	r := rand.New(rand.NewPCG(1, 1))
	insr, p := make([]float64, carriers), make([]float64, carriers)
	var mask []float64
	if masked {
		mask = make([]float64, carriers)
	}
	var filler waterfill.Filler
	times := make([]time.Duration, 0, c.Reps*each)
	for range c.Reps * each {
		for k := range insr {
			insr[k] = r.ExpFloat64() / r.ExpFloat64() // noise over a Rayleigh gain
			if masked {
				mask[k] = r.ExpFloat64()
			}
		}
		began := time.Now()
		filler.Fill(p, insr, mask, carriers/4)
		times = append(times, time.Since(began))
	}
	return times
}
