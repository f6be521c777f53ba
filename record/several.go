package record

import (
	"fmt"
	"math"
	"strings"

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
			sideBySide(runs, c),
			overlays(runs, c),
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
	return &alert{"Not all runs ended as they should.", sentence(strings.Join(names, "; ") + ".")}
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
		if !found || LargerIsBetter(metric) && own.Best > first.Best || !LargerIsBetter(metric) && own.Best < first.Best {
			best, found = i, true
		}
	}
	if !found {
		return nil
	}
	r := c.Runs[best]
	return []string{fmt.Sprintf("%s is best: %s %s at version %s, with %s up and bias %s.",
		r.Label, words(metric), chart.Number(r.Metrics[metric].Best), chart.Count(r.Metrics[metric].AtBestVersion), chart.Size(float64(r.BytesUp)), chart.Number(r.Bias))}
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
	lede = append(lede, text+fmt.Sprintf(", at bias %s.", chart.Number(r.Bias)))
	if never != nil {
		lede = append(lede, sentence(strings.Join(never, ", "))+" did not reach it.")
	}
	return lede
}

// sideBySide has one row a run, with the bias beside the speed, so that a reader sees what speed costs.
func sideBySide(runs []*Loaded, c Comparison) section {
	metric := runs[0].mainMetric()
	g := &grid{Head: []string{"run"}}
	note := "Bias is the total variation between each client's share of the model and of the data: 0 is fair, 1 the worst."
	if c.Target != nil {
		goal := words(c.Target.Metric) + " " + chart.Number(c.Target.Value)
		g.Head = append(g.Head, "time to "+goal, "speed", "bias", "versions to it", "bytes up to it")
		note = fmt.Sprintf("Time to %s as the mean of five evaluations; speed is relative to %s. %s", goal, c.Runs[0].Label, note)
	} else {
		g.Head = append(g.Head, "bias")
	}
	if metric != "" {
		g.Head = append(g.Head, "best "+words(metric), "final", "last ten")
	}
	g.Head = append(g.Head, clock(runs[0].Summary.Kind), "versions", "updates", "bytes up", "staleness, mean", "95% within")
	for i := range c.Runs {
		g.Rows = append(g.Rows, c.row(i, metric))
	}
	return section{ID: "table", Title: "Side by side", Note: note, Panels: []panel{{Grid: g, Wide: true}}}
}

func (c Comparison) row(i int, metric string) []cell {
	r := c.Runs[i]
	row := []cell{{Text: r.Label, Color: i % 8, Swatch: true}}
	bias := cell{Text: chart.Number(r.Bias), Bar: int(math.Round(100 * math.Min(1, r.Bias))), Color: i % 8, Strong: c.Target != nil}
	if c.Target != nil {
		row = append(row, c.toTarget(i, bias)...)
	} else {
		row = append(row, bias)
	}
	if metric != "" {
		if m, measured := r.Metrics[metric]; measured {
			row = append(row, cell{Text: chart.Number(m.Best), Strong: true}, cell{Text: chart.Number(m.Final)}, cell{Text: chart.Number(m.Last10Mean)})
		} else {
			row = append(row, cell{Text: "–"}, cell{Text: "–"}, cell{Text: "–"})
		}
	}
	return append(row,
		cell{Text: chart.Time(r.VirtualSeconds)},
		cell{Text: chart.Count(r.Versions)},
		cell{Text: chart.Count(r.Committed)},
		cell{Text: chart.Size(float64(r.BytesUp))},
		cell{Text: chart.Number(r.StalenessMean)},
		cell{Text: chart.Count(uint64(r.StalenessP95))})
}

// toTarget is how fast a run reached the target, its bias, and what that took.
func (c Comparison) toTarget(i int, bias cell) []cell {
	t := c.Runs[i].TimeToTarget
	if t == nil {
		return []cell{{Text: "not reached"}, {Text: "–"}, bias, {Text: "–"}, {Text: "–"}}
	}
	speed := cell{Text: "–", Strong: true}
	if own := c.Runs[i].Speedup; own != nil {
		top := 1.0
		for _, r := range c.Runs {
			if r.Speedup != nil {
				top = math.Max(top, *r.Speedup)
			}
		}
		speed = cell{Text: chart.Number(*own) + "×", Bar: int(math.Round(100 * *own / top)), Color: i % 8, Strong: true}
	}
	return []cell{{Text: chart.Time(t.Seconds)}, speed, bias, {Text: chart.Count(t.Versions)}, {Text: chart.Size(float64(t.BytesUp))}}
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
