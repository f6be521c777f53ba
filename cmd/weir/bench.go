package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"text/tabwriter"

	"weir/config"
	"weir/simulate"
)

type benchCmd struct {
	Sim       benchSimCmd       `cmd:"" help:"Measure the simulator: local work, the machinery around it, and its memory."`
	Compress  benchCompressCmd  `cmd:"" help:"Measure how fast an update is compressed, and to what size."`
	Aggregate benchAggregateCmd `cmd:"" help:"Measure how fast an update is decoded and added to the sum."`
	Waterfill benchWaterfillCmd `cmd:"" help:"Measure water-filling: one, and sweeps of a large game."`
	Ingest    benchIngestCmd    `cmd:"" help:"Measure how many updates a second a coordinator commits."`
	Selection benchSelectionCmd `cmd:"" help:"Measure how long it takes to choose a round's clients out of a million."`
}

type benchSimCmd struct {
	JSON bool `name:"json" help:"Print the results as JSON."`
	Reps int  `default:"3" help:"Runs of each case; the median counts."`
	// The process of one run is told these.
	Case   string `hidden:""`
	Images string `hidden:""`
}

func (benchSimCmd) Help() string {
	return `Each case is a whole run: local steps, differences, frames, admission, aggregation. A client takes one step on 20
samples. Every run has a process of its own, so that its peak memory is its own.

Example:
  weir bench sim --json`
}

// simResult is what one run of a case came to.
type simResult struct {
	Name                 string  `json:"name"`
	Params               int     `json:"params"`
	ClientStepsPerSecond float64 `json:"client_steps_per_second"`
	UpdatesPerSecond     float64 `json:"updates_per_second"`
	EventsPerSecond      float64 `json:"events_per_second"`
	PeakRSSBytes         uint64  `json:"peak_rss_bytes"` // 0 where the system does not say
	WallSeconds          float64 `json:"wall_seconds"`   // of the run itself, without reading its data
}

// simCase is a run to be measured; images is the folder of its data.
type simCase struct {
	name   string
	config func(images string) config.Config
}

var simCases = []simCase{
	{"logistic 7,850", func(images string) config.Config {
		return benchLearning(images, config.Model{Kind: "logistic", Activation: "relu"}, 4000)
	}},
	{"mlp 159,010", func(images string) config.Config {
		return benchLearning(images, config.Model{Kind: "mlp", Hidden: []int{200}, Activation: "relu"}, 400)
	}},
	{"none, 1,000,000 clients, 10,000 in flight", func(string) config.Config {
		c := config.Default()
		c.Problem = config.Problem{Kind: "none"}
		c.Clients.Count, c.Clients.Concurrency = 1_000_000, 10_000
		c.Stop.Versions = 200
		c.Evaluate.Every = c.Stop.Versions
		return c
	}},
}

// benchLearning is a run in which every client takes one step on all of its 20 samples.
func benchLearning(images string, model config.Model, versions int) config.Config {
	c := config.Default()
	c.Problem.Dataset = "idx:" + images
	c.Problem.Model = model
	c.Problem.Partition.Kind = "iid"
	c.Clients.Count, c.Clients.Concurrency = benchClients, 30
	c.Local.Epochs, c.Local.Steps, c.Local.Batch = 0, 1, benchSamples
	c.Local.LR = 0.001 // noise cannot be learned: the model is only to stay finite
	c.Aggregate.Kind, c.Aggregate.Size = "fedbuff", 10
	c.Stop.Versions, c.Evaluate.Every = versions, versions
	return c
}

// Run measures every case and prints a table or JSON.
func (c *benchSimCmd) Run(ctx context.Context, term terminal) error {
	if c.Case != "" {
		return c.once(ctx, term)
	}
	images, err := writeBenchImages()
	defer os.RemoveAll(images) //nolint:errcheck // a temporary folder
	if err != nil {
		return err
	}
	c.Images = images
	results := make([]simResult, 0, len(simCases))
	for _, k := range simCases {
		r, err := c.median(ctx, k.name, term)
		if err != nil {
			return fmt.Errorf("case %s: %w", k.name, err)
		}
		results = append(results, r)
	}
	if c.JSON {
		return printJSON(term.out, results)
	}
	table := tabwriter.NewWriter(term.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "parameters\tclient steps/s\tupdates/s\tevents/s\tpeak memory\twall\t  case\t")
	for _, r := range results {
		fmt.Fprintf(table, "%d\t%.0f\t%.0f\t%.0f\t%s\t%s\t  %s\t\n",
			r.Params, r.ClientStepsPerSecond, r.UpdatesPerSecond, r.EventsPerSecond, bytes(r.PeakRSSBytes), seconds(r.WallSeconds), r.Name)
	}
	return table.Flush()
}

// median runs a case several times, each in a process of its own, and returns the one in the middle.
func (c *benchSimCmd) median(ctx context.Context, name string, term terminal) (simResult, error) {
	self, err := os.Executable()
	if err != nil {
		return simResult{}, err
	}
	runs := make([]simResult, max(c.Reps, 1))
	for i := range runs {
		fmt.Fprintf(term.err, "%s: run %d of %d\n", name, i+1, len(runs))
		child := exec.CommandContext(ctx, self, "bench", "sim", "--case", name, "--images", c.Images)
		child.Stderr = term.err
		out, err := child.Output()
		if err != nil {
			return simResult{}, err
		}
		if err := json.Unmarshal(out, &runs[i]); err != nil {
			return simResult{}, err
		}
	}
	slices.SortFunc(runs, func(a, b simResult) int { return cmp.Compare(a.WallSeconds, b.WallSeconds) })
	return runs[len(runs)/2], nil
}

// once runs the case that c names.
func (c *benchSimCmd) once(ctx context.Context, term terminal) error {
	at := slices.IndexFunc(simCases, func(k simCase) bool { return k.name == c.Case })
	if at < 0 {
		return usage("no case called %q", c.Case)
	}
	cfg := simCases[at].config(c.Images)
	if err := cfg.Validate(); err != nil {
		return err
	}
	result, err := simulate.Run(ctx, cfg, simulate.Options{})
	if err != nil {
		return err
	}
	s := result.Summary
	perSecond := func(n uint64) float64 { return float64(n) / s.WallSeconds }
	r := simResult{
		Name: c.Case, Params: s.Parameters, WallSeconds: s.WallSeconds, PeakRSSBytes: peakRSS(),
		UpdatesPerSecond: perSecond(s.Updates.Admitted), EventsPerSecond: s.Extra["events"] / s.WallSeconds,
	}
	if cfg.Problem.Kind == "learn" {
		r.ClientStepsPerSecond = perSecond(s.Updates.Admitted * uint64(cfg.Local.Steps))
	}
	return printJSON(term.out, r)
}

// peakRSS is the most memory that this process has had resident, in bytes; 0 where the system does not say.
func peakRSS() uint64 { return memory(os.Getpid(), "VmHWM:") }

// memory is what /proc says of a process, in bytes; 0 where there is no such thing, or no longer.
func memory(pid int, field string) (bytes uint64) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid)) // Linux
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if value, found := strings.CutPrefix(line, field); found {
			var kib uint64
			fmt.Sscanf(value, "%d kB", &kib) //nolint:errcheck // 0 then
			return kib << 10
		}
	}
	return 0
}
