package record

import (
	"math"
	"slices"

	"weir/problem"
	"weir/record/chart"
)

// against is what a curve is drawn over.
type against struct {
	name string
	axis chart.Axis
	of   func(VersionRow) float64
}

func overTime(kind string) against {
	return against{clock(kind), chart.Axis{Label: clock(kind), Unit: chart.Seconds, Zero: true}, func(v VersionRow) float64 { return v.Time }}
}

var overBytes = against{"bytes up", chart.Axis{Label: "bytes up", Unit: chart.Bytes, Zero: true}, func(v VersionRow) float64 { return float64(v.BytesUp) }}

// acrossSizes is overBytes for runs that differ much in them, so that the axis is logarithmic where it has to be. Before
// the first update there is nothing to show.
var acrossSizes = against{overBytes.name, chart.Axis{Label: "bytes up", Unit: chart.Bytes}, func(v VersionRow) float64 {
	if v.BytesUp == 0 {
		return math.NaN()
	}
	return float64(v.BytesUp)
}}

// differ says whether some run sent several times the bytes of another.
func differ(runs []*Loaded) bool {
	least, most := runs[0].Summary.Bytes.Up, runs[0].Summary.Bytes.Up
	for _, l := range runs {
		least, most = min(least, l.Summary.Bytes.Up), max(most, l.Summary.Bytes.Up)
	}
	return most/5 > least
}

// curve is a metric's evaluations over time or bytes, as they were and as the mean of the last five.
func (l *Loaded) curve(metric string, x against) (raw, mean chart.Series) {
	var recent Series
	for _, v := range l.Evaluated {
		value, measured := v.Metrics.Get(metric)
		if !measured {
			continue
		}
		recent.Add(v.Version, value)
		raw.X, raw.Y = append(raw.X, x.of(v)), append(raw.Y, value)
		mean.X, mean.Y = append(mean.X, x.of(v)), append(mean.Y, recent.Mean(trailing))
	}
	return raw, mean
}

// moves says whether anything was recorded beyond a single point of x.
func (l *Loaded) moves(x against) bool {
	return len(l.Versions) > 1 && x.of(l.Versions[len(l.Versions)-1]) > 0
}

// learning shows every metric against time and against bytes.
func learning(l *Loaded, target *Target) section {
	s := section{
		ID: "learning", Title: "What it learnt",
		Note: "Bold is the mean of the last five evaluations, faint is each evaluation as it was.",
	}
	metrics := l.metricNames()
	if main := l.mainMetric(); main != "" {
		metrics = append([]string{main}, without(metrics, main)...)
	}
	for i, metric := range metrics {
		for _, x := range []against{overTime(l.Summary.Kind), overBytes} {
			if l.moves(x) {
				s.Panels = append(s.Panels, l.metricPanel(metric, x, i, target))
			}
		}
	}
	return s
}

func without(names []string, name string) []string {
	var rest []string
	for _, n := range names {
		if n != name {
			rest = append(rest, n)
		}
	}
	return rest
}

// metricPanel is one metric of one run; its color tells it from the other metrics.
func (l *Loaded) metricPanel(metric string, x against, color int, target *Target) panel {
	title := sentence(words(metric)) + " against " + x.name
	raw, mean := l.curve(metric, x)
	raw.Name, raw.Color, raw.Faint = "evaluation", color, true
	mean.Name, mean.Color = "mean of five", color
	c := chart.Lines{Label: title, X: x.axis, Series: []chart.Series{raw, mean}}
	if m, found := l.Summary.Metrics[metric]; found && !math.IsNaN(m.Best) {
		at := l.at(m.AtBestVersion)
		c.Marks = []chart.Mark{{X: x.of(at), Y: m.Best, Text: "best " + chart.Number(m.Best), Color: color, Below: !problem.LargerIsBetter(metric)}}
	}
	if target != nil && target.Metric == metric {
		c.Rule = target.rule()
	}
	p := panel{Title: title}
	if metric == "loss" {
		c.Series = append(c.Series, l.training(x))
		p.Legend = []legend{{"evaluated", "line", color}, {"training loss of the updates, on the clients' own data", "line", 7}}
	}
	p.Chart = c.SVG()
	return p
}

// rule is the target's line in a chart, its text on the side that curves come from.
func (t Target) rule() *chart.Rule {
	return &chart.Rule{Y: t.Value, Text: "target " + chart.Number(t.Value), Below: problem.LargerIsBetter(t.Metric)}
}

// spans is how many stretches of a run its versions' own accounts are put together in: single versions are noisy.
const spans = 100

// account is what the versions of one stretch of a run say of their updates.
type account struct {
	last               VersionRow
	updates            int
	loss, mean, oldest float64
}

// accounts puts the versions with updates together, in spans stretches of as many versions each.
func (l *Loaded) accounts() []account {
	versions := slices.DeleteFunc(slices.Clone(l.Versions), func(v VersionRow) bool { return v.Updates == 0 })
	each := (len(versions) + spans - 1) / spans
	var all []account
	for group := range slices.Chunk(versions, max(1, each)) {
		a := account{last: group[len(group)-1]}
		for _, v := range group {
			n := float64(v.Updates)
			a.updates += v.Updates
			a.loss += n * v.TrainLoss
			a.mean += n * v.StalenessMean
			a.oldest = max(a.oldest, float64(v.StalenessMax))
		}
		a.loss /= float64(a.updates)
		a.mean /= float64(a.updates)
		all = append(all, a)
	}
	return all
}

// training is the loss that updates were trained at, over time or bytes.
func (l *Loaded) training(x against) chart.Series {
	s := chart.Series{Name: "training loss", Color: 7}
	for _, a := range l.accounts() {
		s.X, s.Y = append(s.X, x.of(a.last)), append(s.Y, a.loss)
	}
	return s
}

// ages is how stale updates were.
func (l *Loaded) ages(x against) (mean, oldest chart.Series) {
	mean, oldest = chart.Series{Name: "mean", Color: 0}, chart.Series{Name: "oldest", Color: 7, Faint: true}
	for _, a := range l.accounts() {
		mean.X, mean.Y = append(mean.X, x.of(a.last)), append(mean.Y, a.mean)
		oldest.X, oldest.Y = append(oldest.X, x.of(a.last)), append(oldest.Y, a.oldest)
	}
	return mean, oldest
}

// overlays shows each metric that the runs have, with a curve for each run.
func overlays(runs []*Loaded, c Comparison) section {
	s := section{
		ID: "learning", Title: "What they learnt", Legend: runLegend(c),
		Note: "Each curve is the mean of the last five evaluations.",
	}
	bytes := overBytes
	if differ(runs) {
		bytes = acrossSizes
	}
	for _, metric := range allMetrics(runs) {
		for _, x := range []against{overTime(runs[0].Summary.Kind), bytes} {
			title := sentence(words(metric)) + " against " + x.name
			lines := chart.Lines{Label: title, X: x.axis}
			for i, l := range runs {
				if !l.moves(x) {
					continue
				}
				_, mean := l.curve(metric, x)
				mean.Name, mean.Color = c.Runs[i].Label, i
				lines.Series = append(lines.Series, mean)
			}
			if c.Target != nil && c.Target.Metric == metric {
				lines.Rule = c.Target.rule()
			}
			s.Panels = append(s.Panels, panel{Title: title, Chart: lines.SVG()})
		}
	}
	return s
}

// allMetrics are those that any run has, the one that the first is judged by in front.
func allMetrics(runs []*Loaded) []string {
	var names []string
	for _, l := range runs {
		for _, n := range l.metricNames() {
			names = append(without(names, n), n)
		}
	}
	if main := runs[0].mainMetric(); main != "" {
		names = append([]string{main}, without(names, main)...)
	}
	return names
}

func runLegend(c Comparison) []legend {
	var all []legend
	for i, r := range c.Runs {
		all = append(all, legend{r.Label, "line", i})
	}
	return all
}
