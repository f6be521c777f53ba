package record

import (
	"fmt"
	"math"
	"strings"

	"weir/problem"
	"weir/record/chart"
)

// several is the page of runs side by side.
func several(runs []*Loaded, c Comparison) page {
	var folders []string
	for _, l := range runs {
		folders = append(folders, l.Dir)
	}
	p := page{
		Kicker: "weir · comparison",
		Title:  fmt.Sprintf("%d runs side by side", len(runs)),
		Alert:  troubles(c),
		Lede:   compared(runs, c),
		Sections: keepSections(
			race(runs, c),
			overlays(runs, c),
			sideBySide(runs, c),
			classesOf(runs, c),
			differences(runs, c),
		),
		Source: strings.Join(folders, ", "),
	}
	return p
}

// troubles names the runs that did not end as they should.
func troubles(c Comparison) *alert {
	var names []string
	for _, r := range c.Runs {
		if word, bad := map[string]string{"diverged": "diverged", "interrupt": "was interrupted", "killed": "ended unexpectedly", "error": "failed"}[r.StoppedBy]; bad {
			names = append(names, fmt.Sprintf("%s %s after version %s", r.Label, word, chart.Count(r.Versions)))
		}
	}
	if names == nil {
		return nil
	}
	return &alert{"Not all runs ended as they should.", strings.Join(names, "; ") + "."}
}

// compared says in plain words what the comparison shows.
func compared(runs []*Loaded, c Comparison) []string {
	if c.Target != nil {
		return raced(c, clock(runs[0].Summary.Kind))
	}
	metric := runs[0].mainMetric()
	best, found := 0, false
	for i, r := range c.Runs {
		own, is := r.Metrics[metric]
		if !is || math.IsNaN(own.Best) {
			continue
		}
		first := c.Runs[best].Metrics[metric]
		if !found || problem.LargerIsBetter(metric) && own.Best > first.Best || !problem.LargerIsBetter(metric) && own.Best < first.Best {
			best, found = i, true
		}
	}
	if !found {
		return nil
	}
	r := c.Runs[best]
	return []string{fmt.Sprintf("%s is best: %s %s at version %s, with %s up and bias %s.",
		r.Label, words(metric), chart.Number(r.Metrics[metric].Best), chart.Count(r.Metrics[metric].AtBestVersion), chart.Size(float64(r.BytesUp)), biasFigure(r.Bias))}
}

// raced says who reached the target first, and at what bias.
func raced(c Comparison, clock string) []string {
	goal := words(c.Target.Metric) + " " + chart.Number(c.Target.Value)
	fastest := -1
	var never []string
	for i, r := range c.Runs {
		switch {
		case r.TimeToTarget == nil:
			never = append(never, r.Label)
		case fastest < 0 || r.TimeToTarget.Seconds < c.Runs[fastest].TimeToTarget.Seconds:
			fastest = i
		}
	}
	var lede []string
	if fastest < 0 {
		return []string{fmt.Sprintf("None of the runs reached %s as the mean of five evaluations.", goal)}
	}
	r := c.Runs[fastest]
	text := fmt.Sprintf("%s reached %s first, after %s of %s", r.Label, goal, chart.Time(r.TimeToTarget.Seconds), clock)
	if fastest > 0 && r.Speedup != nil {
		text += fmt.Sprintf(": %s times faster than %s", chart.Number(*r.Speedup), c.Runs[0].Label)
	}
	lede = append(lede, text+fmt.Sprintf(", at bias %s.", biasFigure(r.Bias)))
	if fair := c.fairest(); fair != fastest {
		f := c.Runs[fair]
		text := fmt.Sprintf("The fairest that reached it is %s, at bias %s, after %s", f.Label, biasFigure(f.Bias), chart.Time(f.TimeToTarget.Seconds))
		if fair > 0 && f.Speedup != nil {
			text += fmt.Sprintf(": %s times faster than %s", chart.Number(*f.Speedup), c.Runs[0].Label)
		}
		lede = append(lede, text+".")
	}
	if never != nil {
		lede = append(lede, "Not reached by "+strings.Join(never, ", ")+".")
	}
	return lede
}

// fairest is the run of least bias among those that reached the target.
func (c Comparison) fairest() int {
	fairest := -1
	for i, r := range c.Runs {
		if r.TimeToTarget != nil && (fairest < 0 || r.Bias < c.Runs[fairest].Bias || math.IsNaN(c.Runs[fairest].Bias)) {
			fairest = i
		}
	}
	return fairest
}

const biasInWords = "Bias is the total variation between the clients' shares of the model and of the data: 0 is fair, 1 the worst."

// race has the bias beside the speed, so that a reader sees what speed costs.
func race(runs []*Loaded, c Comparison) section {
	if c.Target == nil {
		return section{}
	}
	goal := words(c.Target.Metric) + " " + chart.Number(c.Target.Value)
	g := &grid{Head: []string{"run", "time", "times faster", "bias", "versions", "bytes up", "times fewer bytes"}}
	top, longest := 1.0, 0.0
	for _, r := range c.Runs {
		if r.Speedup != nil {
			top = math.Max(top, *r.Speedup)
		}
		if r.TimeToTarget != nil {
			longest = math.Max(longest, r.TimeToTarget.Seconds)
		}
	}
	for i := range c.Runs {
		g.Rows = append(g.Rows, c.raceRow(i, top, longest))
	}
	return section{
		ID: "race", Title: sentence(clock(runs[0].Summary.Kind)) + " to " + goal, Panels: []panel{{Grid: g, Wide: true}},
		Note: fmt.Sprintf("Reached when the mean of five evaluations is there; compared with %s. %s", c.Runs[0].Label, biasInWords),
	}
}

// raceRow is one run's row; bars are relative to the largest speedup, times in the unit of the longest.
func (c Comparison) raceRow(i int, top, longest float64) []cell {
	r := c.Runs[i]
	row := []cell{{Text: r.Label, Color: i % 8, Swatch: true}}
	bias := cell{Text: biasFigure(r.Bias), Bar: percentOf(r.Bias, 1), Color: i % 8, Strong: true}
	t := r.TimeToTarget
	if t == nil {
		return append(row, cell{Text: "not reached"}, cell{Text: none}, bias, cell{Text: none}, cell{Text: none}, cell{Text: none})
	}
	speed, saved := cell{Text: none}, cell{Text: none}
	if r.Speedup != nil {
		speed = cell{Text: chart.Figure(*r.Speedup) + "×", Bar: percentOf(*r.Speedup, top), Color: i % 8, Strong: true}
	}
	if r.BytesSaved != nil {
		saved.Text = chart.Figure(*r.BytesSaved) + "×"
	}
	return append(row, cell{Text: chart.TimeLike(t.Seconds, longest)}, speed, bias,
		cell{Text: chart.Count(t.Versions)}, cell{Text: chart.Size(float64(t.BytesUp))}, saved)
}

// none stands where a run has no figure.
const none = "–"

// percentOf is the length of a cell's bar: 0, no bar, for what is not a number.
func percentOf(v, whole float64) int {
	if !(v > 0) {
		return 0
	}
	return int(math.Round(100 * math.Min(1, v/whole)))
}

// sideBySide has one row a run.
func sideBySide(runs []*Loaded, c Comparison) section {
	metric := runs[0].mainMetric()
	g := &grid{Head: []string{"run"}}
	if metric != "" {
		g.Head = append(g.Head, "best "+words(metric), "final", "last ten")
	}
	g.Head = append(g.Head, "bias", clock(runs[0].Summary.Kind), "versions", "updates", "bytes up", "staleness, mean", "95% within")
	longest := 0.0
	for _, r := range c.Runs {
		longest = math.Max(longest, r.VirtualSeconds)
	}
	for i, r := range c.Runs {
		row := []cell{{Text: r.Label, Color: i % 8, Swatch: true}}
		if m, measured := r.Metrics[metric]; measured {
			row = append(row, cell{Text: chart.Figure(m.Best), Strong: true}, cell{Text: chart.Figure(m.Final)}, cell{Text: chart.Figure(m.Last10Mean)})
		} else if metric != "" {
			row = append(row, cell{Text: none}, cell{Text: none}, cell{Text: none})
		}
		g.Rows = append(g.Rows, append(row,
			cell{Text: biasFigure(r.Bias), Bar: percentOf(r.Bias, 1), Color: i % 8},
			cell{Text: chart.TimeLike(r.VirtualSeconds, longest)},
			cell{Text: chart.Count(r.Versions)},
			cell{Text: chart.Count(r.Committed)},
			cell{Text: chart.Size(float64(r.BytesUp))},
			cell{Text: chart.Figure(r.StalenessMean)},
			cell{Text: chart.Count(uint64(r.StalenessP95))}))
	}
	s := section{ID: "runs", Title: "The whole runs", Panels: []panel{{Grid: g, Wide: true}}}
	if c.Target == nil {
		s.Note = biasInWords
	}
	return s
}

// classesOf sets each run's shares of the model beside the target, where the runs have the same classes of clients.
func classesOf(runs []*Loaded, c Comparison) section {
	bars := chart.Bars{Label: "each class's share of the models", Unit: chart.Share, Names: []string{"share of the data"}, Colors: []int{7}}
	marks := []legend{{"share of the data: the target", "", 7}}
	for i, r := range c.Runs {
		bars.Names, bars.Colors = append(bars.Names, r.Label), append(bars.Colors, i)
		marks = append(marks, legend{r.Label, "", i})
	}
	first := runs[0].Summary.Bias.Classes
	if len(first) < 2 || len(runs) > 6 {
		return section{}
	}
	for k, class := range first {
		values := []float64{class.Target}
		for _, l := range runs {
			own := l.Summary.Bias.Classes
			if len(own) != len(first) || own[k].Name != class.Name || math.Abs(own[k].Target-class.Target) > 1e-9 {
				return section{}
			}
			values = append(values, own[k].Share)
		}
		bars.Groups, bars.Values = append(bars.Groups, class.Name), append(bars.Values, values)
	}
	return section{
		ID: "fairness", Title: "Whose work counted", Note: "Each class's share of the model, beside its share of the data. Classes are by speed.",
		Panels: []panel{{Legend: marks, Chart: bars.SVG(), Wide: true}},
	}
}

// differences lists the settings in which the configs are not all the same.
func differences(runs []*Loaded, c Comparison) section {
	g := &grid{Head: []string{"setting"}}
	for _, r := range c.Runs {
		g.Head = append(g.Head, r.Label)
	}
	seen := map[string]bool{"name": true}
	for _, l := range runs {
		for _, s := range l.settings {
			if seen[s.Key] {
				continue
			}
			seen[s.Key] = true
			row, differs := []cell{{Text: s.Key}}, false
			for _, other := range runs {
				value := other.setting(s.Key)
				differs = differs || value != runs[0].setting(s.Key)
				if value == "" {
					value = "–"
				}
				row = append(row, cell{Text: value})
			}
			if differs {
				g.Rows = append(g.Rows, row)
			}
		}
	}
	if g.Rows == nil {
		return section{}
	}
	return section{ID: "settings", Title: "In what the configs differ", Panels: []panel{{Grid: g, Wide: true}}}
}
