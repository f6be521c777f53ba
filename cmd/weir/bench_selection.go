package main

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"text/tabwriter"
	"time"

	"weir/aggregate"
	"weir/ledger"
	"weir/selection"
	"weir/staleness"
)

type benchSelectionCmd struct {
	JSON    bool `name:"json" help:"Print the results as JSON."`
	Clients int  `default:"1000000" help:"Registered clients."`
	Chosen  int  `default:"1000" help:"Clients a round."`
	Rounds  int  `default:"20" help:"Rounds that are timed; the median counts."`
}

func (benchSelectionCmd) Help() string {
	return `Each case drives the ledger, on one thread: all clients are registered and free, and as the last update of a round
arrives the round is closed and the next one's clients are chosen. That last step is what is timed. Clients that were
heard report losses and cosines drawn from a fixed seed.

  digest  of all clients chosen, in order: the same on every machine

It is held to 150 ms a round at the default size.

Example:
  weir bench selection --json`
}

type selectionResult struct {
	Name    string `json:"name"`
	Clients int    `json:"clients"`
	Chosen  int    `json:"chosen"`
	Rounds  int    `json:"rounds"`
	NS      int64  `json:"ns"`      // median
	BestNS  int64  `json:"best_ns"` // far below the median when the machine was busy otherwise
	Digest  string `json:"digest"`
}

// Run measures every way to choose and prints a table or JSON.
func (c *benchSelectionCmd) Run(ctx context.Context, term terminal) error {
	if c.Clients < 1 || c.Clients > 1<<24 || c.Chosen < 1 || c.Chosen > c.Clients || c.Rounds < 1 {
		return usage("--clients must be 1 to %d, --chosen 1 to --clients, --rounds at least 1", 1<<24)
	}
	var results []selectionResult
	for _, kind := range selection.Kinds() {
		if kind == "all" {
			continue // it chooses nobody in particular
		}
		fmt.Fprintf(term.err, "%s: %d rounds\n", kind, c.Rounds)
		r, err := c.measure(ctx, kind)
		if err != nil {
			return err
		}
		results = append(results, r)
	}
	if c.JSON {
		return printJSON(term.out, results)
	}
	table := tabwriter.NewWriter(term.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "median\tbest\tclients\tchosen\t  selection")
	for _, r := range results {
		fmt.Fprintf(table, "%.2f ms\t%.2f ms\t%d\t%d\t  %s\n", float64(r.NS)/1e6, float64(r.BestNS)/1e6, r.Clients, r.Chosen, r.Name)
	}
	return table.Flush()
}

// measure times the rounds of one kind.
func (c *benchSelectionCmd) measure(ctx context.Context, kind string) (selectionResult, error) {
	choose := selection.DefaultConfig()
	choose.Kind = kind
	const warmUp = 2
	l, err := ledger.New(ledger.Config{
		Seed: 1, Concurrency: c.Chosen, Aggregate: aggregate.Config{Kind: "fedavg", Weights: "identical"},
		Staleness: staleness.DefaultConfig(), Selection: choose, Stop: ledger.Bounds{Versions: uint64(c.Rounds + warmUp)},
	})
	if err != nil {
		return selectionResult{}, err
	}
	random := rand.New(rand.NewPCG(1, 0))
	for i := range c.Clients {
		l.Apply(ledger.Command{Kind: ledger.Register, Client: uint32(i), Samples: 1 + random.Uint64N(1000), Cycle: int64(1e9 * (0.1 + random.Float64()))})
	}
	var now int64
	times := make([]time.Duration, 0, c.Rounds)
	chosen := sha256.New()
	next := slices.Clone(l.Apply(ledger.Command{Kind: ledger.Start}).Assign)
	for round := range c.Rounds + warmUp - 1 {
		if ctx.Err() != nil {
			return selectionResult{}, errors.New("interrupted")
		}
		now += 1e9
		var took time.Duration
		var decided *ledger.Decision
		for _, a := range next {
			chosen.Write(binary.LittleEndian.AppendUint32(nil, a.Client))
			loss := 3 * random.Float64()
			update := ledger.Command{
				Kind: ledger.Admit, Time: now, Client: a.Client, Seq: a.Seq, Base: a.Base, Samples: 1,
				Loss: loss, RMS: 1.1 * loss, Cosine: 2*random.Float64() - 1, Norm: 1,
			}
			began := time.Now()
			decided = l.Apply(update)
			took = time.Since(began)
		}
		next = slices.Clone(decided.Assign)
		if round >= warmUp-1 {
			times = append(times, took)
		}
	}
	slices.Sort(times)
	return selectionResult{
		Name: kind, Clients: c.Clients, Chosen: c.Chosen, Rounds: c.Rounds, NS: times[len(times)/2].Nanoseconds(),
		BestNS: times[0].Nanoseconds(), Digest: hex.EncodeToString(chosen.Sum(nil))[:16],
	}, nil
}
