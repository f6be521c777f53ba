package record

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"

	"weir/problem"
)

// Target is a metric's value that runs are timed by, such as a test accuracy of 0.75.
type Target struct {
	Metric string  `json:"metric"`
	Value  float64 `json:"value"`
}

// trailing is how many evaluations a target is judged by: their mean, so that one lucky round does not count.
const trailing = 5

// ParseTarget reads METRIC=VALUE, as in test_accuracy=0.75.
func ParseTarget(s string) (Target, error) {
	metric, text, found := strings.Cut(s, "=")
	value, err := strconv.ParseFloat(text, 64)
	if !found || metric == "" || err != nil || math.IsNaN(value) || math.IsInf(value, 0) {
		return Target{}, fmt.Errorf("target %q: must be a metric and a value, such as test_accuracy=0.75", s)
	}
	return Target{Metric: metric, Value: value}, nil
}

// reached says whether a mean of the metric is good enough.
func (t Target) reached(mean float64) bool {
	if problem.LargerIsBetter(t.Metric) {
		return mean >= t.Value
	}
	return mean <= t.Value
}

// Comparison is several runs side by side.
type Comparison struct {
	Target *Target       `json:"target,omitempty"`
	Runs   []ComparedRun `json:"runs"`
}

// ComparedRun is what a run is compared by.
type ComparedRun struct {
	Dir            string            `json:"dir"`
	Label          string            `json:"label"` // tells the runs apart: the name, with the seed or the folder where names are equal
	Name           string            `json:"name"`
	Kind           string            `json:"kind"`
	Aggregate      string            `json:"aggregate,omitempty"` // aggregate.kind of its config
	Seed           uint64            `json:"seed"`
	StoppedBy      string            `json:"stopped_by"`
	Versions       uint64            `json:"versions"`
	VirtualSeconds float64           `json:"virtual_seconds"`
	WallSeconds    float64           `json:"wall_seconds"`
	Committed      uint64            `json:"committed"` // updates
	BytesUp        uint64            `json:"bytes_up"`
	BytesDown      uint64            `json:"bytes_down"`
	StalenessMean  float64           `json:"staleness_mean"`
	StalenessP95   int               `json:"staleness_p95"`
	Bias           float64           `json:"bias_total_variation"` // NaN for a run that was killed
	Gini           float64           `json:"participation_gini"`
	Samples        uint64            `json:"samples"` // of committed updates
	Metrics        map[string]Metric `json:"metrics"`
	// TimeToTarget is when the mean of the last five evaluations reached the target; nil when it never did. Speedup is
	// the first run's seconds divided by this one's, and BytesSaved the same for bytes up; nil unless both reached it.
	TimeToTarget *TimeToTarget `json:"time_to_target,omitempty"`
	Speedup      *float64      `json:"speedup,omitempty"`
	BytesSaved   *float64      `json:"bytes_saved,omitempty"`
}

// MarshalJSON writes what is not a number as null.
func (c Comparison) MarshalJSON() ([]byte, error) {
	type plain Comparison // without this method
	return json.Marshal(plain(c), writeFloats, json.Deterministic(true))
}

// Compare lays runs side by side, timed by target unless it is nil. Speeds are relative to the first run.
func Compare(runs []*Loaded, target *Target) (Comparison, error) {
	c := Comparison{Target: target, Runs: make([]ComparedRun, len(runs))}
	labels := tellApart(runs)
	for i, l := range runs {
		s := l.Summary
		c.Runs[i] = ComparedRun{
			Dir: l.Dir, Label: labels[i], Name: s.Name, Kind: s.Kind, Aggregate: l.setting("aggregate.kind"), Seed: s.Seed,
			StoppedBy: s.StoppedBy, Versions: s.Versions, VirtualSeconds: s.VirtualSeconds, WallSeconds: s.WallSeconds,
			Committed: s.Updates.Committed, BytesUp: s.Bytes.Up, BytesDown: s.Bytes.Down,
			StalenessMean: s.Staleness.Mean, StalenessP95: s.Staleness.P95, Bias: s.Bias.TotalVariation, Gini: s.Bias.Gini, Samples: s.Samples, Metrics: s.Metrics,
		}
		if target == nil {
			continue
		}
		var err error
		if c.Runs[i].TimeToTarget, err = l.timeTo(*target); err != nil {
			return Comparison{}, err
		}
		if first, own := c.Runs[0].TimeToTarget, c.Runs[i].TimeToTarget; first != nil && own != nil {
			c.Runs[i].Speedup = ratio(first.Seconds, own.Seconds)
			c.Runs[i].BytesSaved = ratio(float64(first.BytesUp), float64(own.BytesUp))
		}
	}
	return c, nil
}

// ratio is nil when b is zero.
func ratio(a, b float64) *float64 {
	if b == 0 {
		return nil
	}
	r := a / b
	return &r
}

// timeTo finds the first evaluation at which the mean of the last five reaches the target. It reads versions.csv again,
// since a long run's rows are thinned in memory.
func (l *Loaded) timeTo(target Target) (*TimeToTarget, error) {
	series := Series{}
	var at *TimeToTarget
	err := eachVersion(l.Dir, func(v VersionRow) {
		value, measured := v.Metrics.Get(target.Metric)
		if !measured || at != nil {
			return
		}
		series.Add(v.Version, value)
		if series.N >= trailing && target.reached(series.Mean(trailing)) {
			at = &TimeToTarget{Seconds: v.Time, Versions: v.Version, BytesUp: v.BytesUp}
		}
	})
	if err == nil && series.N == 0 && len(l.Evaluated) > 0 {
		err = fmt.Errorf("%s was never evaluated in %s: the target may be for %s", target.Metric, l.Dir, strings.Join(l.metricNames(), ", "))
	}
	return at, err
}

// metricNames are those of the evaluations, in the order of versions.csv.
func (l *Loaded) metricNames() []string {
	var names []string
	seen := map[string]bool{}
	for _, v := range l.Evaluated {
		for _, m := range v.Metrics {
			if !seen[m.Name] {
				seen[m.Name] = true
				names = append(names, m.Name)
			}
		}
	}
	return names
}

// tellApart labels each run by its name; by seed too, or by folder, where names are equal.
func tellApart(runs []*Loaded) []string {
	ways := []func(*Loaded) string{
		func(l *Loaded) string { return l.Summary.Name },
		func(l *Loaded) string { return fmt.Sprintf("%s, seed %d", l.Summary.Name, l.Summary.Seed) },
		func(l *Loaded) string { return filepath.Base(l.Dir) },
		func(l *Loaded) string { return l.Dir },
	}
	for _, way := range ways {
		labels := make([]string, len(runs))
		seen := map[string]bool{}
		for i, l := range runs {
			labels[i] = way(l)
			seen[labels[i]] = true
		}
		if len(seen) == len(runs) {
			return labels
		}
	}
	labels := make([]string, len(runs)) // the same folder twice
	for i, l := range runs {
		labels[i] = fmt.Sprintf("%d: %s", i+1, l.Dir)
	}
	return labels
}

// ErrNoRuns is returned by Report when it is given nothing to show.
var ErrNoRuns = errors.New("no runs to report on")
