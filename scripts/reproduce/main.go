// Reproduce runs an experiment: several configs with several seeds, and a table of what they came to.
//
//	go run ./scripts/reproduce configs/experiments/asynchrony.yaml --data ../shared/data
//
// An experiment is a YAML file: the target that runs are timed by, the number of seeds, and the runs, the first of
// which the others are compared with, seed by seed. The runs' folders stay in runs/EXPERIMENT/, and the report that
// lays the first seed's side by side beside them. Folders that are complete are not run again.
package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"os/signal"
	"path/filepath"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/goccy/go-yaml"

	"weir/config"
	"weir/record"
	"weir/simulate"
)

type experiment struct {
	Title  string  `yaml:"title"`
	Seeds  int     `yaml:"seeds"`
	Target string  `yaml:"target"` // METRIC=VALUE; may be left out
	Metric string  `yaml:"metric"` // that the table shows
	Runs   []entry `yaml:"runs"`
	// Budgets are further tables, see there.
	Budgets []budget `yaml:"budgets"`
	// Picture and Pictures draw the first seed's runs into FILE, relative to the experiment.
	Picture  *picture  `yaml:"picture"`
	Pictures []picture `yaml:"pictures"`
}

type picture struct {
	File    string   `yaml:"file"`
	Title   string   `yaml:"title"`
	Runs    []string `yaml:"runs"`    // that are drawn; all when left out
	Against string   `yaml:"against"` // virtual time (s), MB up, samples, version
	To      float64  `yaml:"to"`      // right end; 0 is that of the runs
	Log     bool     `yaml:"log"`     // the metric's axis
	LogX    bool     `yaml:"log_x"`
	Legend  struct {
		Top  bool    `yaml:"top"`
		Left bool    `yaml:"left"`
		Down float64 `yaml:"down"` // from the top, in centimetres
	} `yaml:"legend"`
}

type entry struct {
	Name   string   `yaml:"name"`
	Config string   `yaml:"config"` // relative to the experiment
	Set    []string `yaml:"set"`
}

var flags struct {
	Experiment string `arg:"" help:"The experiment's YAML file."`
	Data       string `env:"WEIR_DATA" default:"data" help:"Where data sets lie."`
	Out        string `default:"runs" help:"Where the runs' folders go."`
	Seeds      int    `help:"Run only that many seeds."`
}

func main() {
	k := kong.Parse(&flags, kong.Description("Run an experiment and print its table."))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	k.FatalIfErrorf(reproduce(ctx))
}

func reproduce(ctx context.Context) error {
	b, err := os.ReadFile(flags.Experiment)
	if err != nil {
		return err
	}
	var e experiment
	if err := yaml.UnmarshalWithOptions(b, &e, yaml.Strict()); err != nil {
		return fmt.Errorf("%s: %w", flags.Experiment, err)
	}
	if flags.Seeds > 0 {
		e.Seeds = flags.Seeds
	}
	var target *record.Target
	if e.Target != "" {
		t, err := record.ParseTarget(e.Target)
		if err != nil {
			return fmt.Errorf("%s: %w", flags.Experiment, err)
		}
		target = &t
	}
	folder := filepath.Join(flags.Out, strings.TrimSuffix(filepath.Base(flags.Experiment), ".yaml"))
	if e.Picture != nil {
		e.Pictures = append(e.Pictures, *e.Picture)
	}
	var seeds []record.Comparison
	var all [][]*record.Loaded
	for seed := 1; seed <= e.Seeds; seed++ {
		var runs []*record.Loaded
		for _, r := range e.Runs {
			loaded, err := run(ctx, r, seed, filepath.Join(folder, fmt.Sprintf("%s-%d", r.Name, seed)))
			if err != nil {
				return fmt.Errorf("%s, seed %d: %w", r.Name, seed, err)
			}
			runs = append(runs, loaded)
		}
		c, err := record.Compare(runs, target)
		if err != nil {
			return err
		}
		seeds, all = append(seeds, c), append(all, runs)
		if seed > 1 {
			continue
		}
		if err := record.WriteReport(filepath.Join(folder, "report.html"), runs, target); err != nil {
			return err
		}
		for _, p := range e.Pictures {
			if err := draw(filepath.Join(filepath.Dir(flags.Experiment), p.File), p, e, runs); err != nil {
				return err
			}
		}
	}
	fmt.Print(table(e, seeds))
	for _, b := range e.Budgets {
		text, err := b.table(e, all)
		if err != nil {
			return err
		}
		fmt.Print("\n", text)
	}
	return nil
}

// run simulates one entry with one seed, unless that was done before.
func run(ctx context.Context, r entry, seed int, dir string) (*record.Loaded, error) {
	if loaded, err := record.Open(dir); err == nil && loaded.Summary.StoppedBy != "killed" && loaded.Summary.StoppedBy != "interrupt" {
		return loaded, nil
	}
	if err := os.RemoveAll(dir); err != nil {
		return nil, err
	}
	sets := append([]string{fmt.Sprintf("seed=%d", seed), "name=" + r.Name}, r.Set...)
	cfg, err := config.Load(filepath.Join(filepath.Dir(flags.Experiment), r.Config), sets)
	if err != nil {
		return nil, err
	}
	folder, err := record.Create(dir, cfg.YAML())
	if err != nil {
		return nil, err
	}
	result, err := simulate.Run(ctx, cfg, simulate.Options{Data: flags.Data, Rows: folder})
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if result.Summary.Kind == "" { // it never began
		return nil, err
	}
	if err := folder.Finish(result.Summary, result.Model32, result.Model64); err != nil {
		return nil, err
	}
	fmt.Fprintf(os.Stderr, "%s: %d versions, %.0f s of virtual time, %.1f s of real time\n", dir, result.Summary.Versions, result.Summary.VirtualSeconds, result.Summary.WallSeconds)
	return record.Open(dir)
}

// table has a row for every entry: mean and standard error over the seeds.
func table(e experiment, seeds []record.Comparison) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%d seeds; mean ± standard error)\n\n", e.Title, len(seeds))
	fmt.Fprintf(&b, "| run | best %s | mean of the last ten | of the last fifty | minus the first run's best | time to %s | speed-up | bias | participation, Gini | staleness | MB up | bytes saved | updates a second |\n|---|---|---|---|---|---|---|---|---|---|---|---|---|\n", e.Metric, e.Target)
	for i, r := range e.Runs {
		column := func(f func(run, first record.ComparedRun) float64) (values []float64) {
			for _, c := range seeds {
				values = append(values, f(c.Runs[i], c.Runs[0]))
			}
			return values
		}
		metric := func(r record.ComparedRun) record.Metric { return r.Metrics[e.Metric] }
		cells := []string{
			r.Name,
			show("%.4g", column(func(r, _ record.ComparedRun) float64 { return metric(r).Best })),
			show("%.4g", column(func(r, _ record.ComparedRun) float64 { return metric(r).Last10Mean })),
			show("%.4g", column(func(r, _ record.ComparedRun) float64 { return metric(r).Last50Mean })),
			show("%+.4g", column(func(r, first record.ComparedRun) float64 { return metric(r).Best - metric(first).Best })),
			show("%.1f s", column(func(r, _ record.ComparedRun) float64 {
				if r.TimeToTarget == nil {
					return math.NaN()
				}
				return r.TimeToTarget.Seconds
			})),
			show("%.2fx", column(func(r, _ record.ComparedRun) float64 {
				if r.Speedup == nil {
					return math.NaN()
				}
				return *r.Speedup
			})),
			show("%.3f", column(func(r, _ record.ComparedRun) float64 { return r.Bias })),
			show("%.3f", column(func(r, _ record.ComparedRun) float64 { return r.Gini })),
			show("%.1f", column(func(r, _ record.ComparedRun) float64 { return r.StalenessMean })),
			show("%.1f", column(func(r, _ record.ComparedRun) float64 { return float64(r.BytesUp) / 1e6 })),
			show("%.1fx", column(func(r, first record.ComparedRun) float64 {
				return float64(first.BytesUp) / float64(first.Committed) / (float64(r.BytesUp) / float64(r.Committed))
			})),
			show("%.3f", column(func(r, _ record.ComparedRun) float64 { return float64(r.Committed) / r.VirtualSeconds })),
		}
		fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | "))
	}
	return b.String()
}

// show is a mean and its standard error; values that are not numbers count as never.
func show(format string, values []float64) string {
	var sum, squares float64
	n := 0.0
	for _, v := range values {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			sum += v
			squares += v * v
			n++
		}
	}
	switch {
	case n == 0:
		return "–"
	case n < float64(len(values)):
		return fmt.Sprintf(format+" (%.0f of %d)", sum/n, n, len(values))
	case n == 1:
		return fmt.Sprintf(format, sum)
	}
	mean := sum / n
	variance := math.Max(0, squares/n-mean*mean) * n / (n - 1)
	return fmt.Sprintf(format+" ± %.2g", mean, math.Sqrt(variance/n))
}
