package main

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"weir/record"
)

// budget compares runs at what one of them had used at a version, seed by seed: so many rounds, samples or seconds of
// virtual time. A run counts by the mean of the metric over the last third of its budget.
type budget struct {
	Title string   `yaml:"title"`
	Of    string   `yaml:"of"` // as picture.against
	Run   string   `yaml:"run"`
	At    uint64   `yaml:"at"`
	Runs  []string `yaml:"runs"` // that are compared; the others are measured against the first
}

// spent is what a run came to within a budget.
type spent struct {
	mean, best                   float64
	rounds, samples, virtualTime float64
}

// spend cuts a run where its budget ends; ok is false for a run that ended before.
func spend(run *record.Loaded, of, metric string, limit float64) (s spent, ok bool, err error) {
	var sum, n float64
	s.best = math.Inf(-1)
	for _, v := range run.Evaluated {
		x, err := abscissa(v, of)
		if err != nil {
			return spent{}, false, err
		}
		if ok = x >= limit; x > limit {
			break
		}
		value, measured := v.Metrics.Get(metric)
		if !measured {
			continue
		}
		s.rounds, s.samples, s.virtualTime = float64(v.Version), float64(v.Samples), v.Time
		s.best = math.Max(s.best, value)
		if x > limit*2/3 {
			sum += value
			n++
		}
	}
	s.mean = sum / n
	return s, ok, nil
}

// table has a row for every run that is compared. Seeds holds every seed's runs, in the order of e.Runs.
func (b budget) table(e experiment, seeds [][]*record.Loaded) (string, error) {
	place := func(name string) int { return slices.IndexFunc(e.Runs, func(r entry) bool { return r.Name == name }) }
	base := place(b.Run)
	if base < 0 || len(b.Runs) == 0 {
		return "", fmt.Errorf("budget %q: needs run, one of the experiment's, and runs", b.Title)
	}
	var out strings.Builder
	fmt.Fprintf(&out, "%s (%s at version %d is the budget)\n\n| run | rounds | samples | virtual time | %s, mean of the last third | minus %s's | best | best minus mean |\n|---|---|---|---|---|---|---|---|\n",
		b.Title, b.Run, b.At, e.Metric, b.Runs[0])
	var first []float64
	for _, name := range b.Runs {
		at := place(name)
		if at < 0 {
			return "", fmt.Errorf("budget %q: no run is called %q", b.Title, name)
		}
		var rounds, samples, times, means, gains, bests, drops []float64
		for i, runs := range seeds {
			limit, err := used(runs[base], b.Of, b.At)
			if err != nil {
				return "", fmt.Errorf("budget %q: %w", b.Title, err)
			}
			s, ok, err := spend(runs[at], b.Of, e.Metric, limit)
			if err != nil {
				return "", fmt.Errorf("budget %q: %w", b.Title, err)
			}
			if !ok {
				return "", fmt.Errorf("budget %q: %s ended before it had used %g", b.Title, name, limit)
			}
			if name == b.Runs[0] {
				first = append(first, s.mean)
			}
			rounds, samples, times = append(rounds, s.rounds), append(samples, s.samples/1e6), append(times, s.virtualTime)
			means, gains = append(means, 100*s.mean), append(gains, 100*(s.mean-first[i]))
			bests, drops = append(bests, 100*s.best), append(drops, 100*(s.best-s.mean))
		}
		fmt.Fprintf(&out, "| %s | %s | %s | %s | %s | %s | %s | %s |\n", name, show("%.0f", rounds), show("%.2fM", samples), show("%.0f s", times),
			show("%.2f", means), show("%+.2f", gains), show("%.2f", bests), show("%.2f", drops))
	}
	return out.String(), nil
}

// used is what a run had used at a version.
func used(run *record.Loaded, of string, at uint64) (float64, error) {
	for _, v := range run.Evaluated {
		if v.Version == at {
			return abscissa(v, of)
		}
	}
	return 0, fmt.Errorf("%s has no evaluation of version %d", run.Dir, at)
}
