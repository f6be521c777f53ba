package record

import (
	"fmt"
	"math"
	"slices"

	"weir/record/chart"
)

// components are what UpdateRow.Components hold.
var components = [...]string{"value", "diversity", "fairness", "staleness", "speed"}

// choice shows how often clients took part, and why they were chosen where their rule had reasons.
func choice(l *Loaded) section {
	kind := l.setting("selection.kind")
	if len(l.Updates) == 0 || kind == "" || kind == "all" {
		return section{}
	}
	scored := slices.DeleteFunc(slices.Clone(l.Updates), func(u UpdateRow) bool { return math.IsNaN(u.Components[0]) })
	return section{
		ID: "selection", Title: "Who was asked, and why", Note: "Clients were chosen by selection.kind " + kind + ".",
		Panels: []panel{participation(l), reasons(l, scored), lastChosen(l, kind)},
	}
}

// participation is how many clients have how many updates in the model, where the record holds all of them.
func participation(l *Loaded) panel {
	if len(l.Updates) == keptUpdates || l.Summary.Clients == 0 || l.Summary.Updates.Committed == 0 {
		return panel{}
	}
	each := make([]int, l.Summary.Clients)
	for _, u := range l.Updates {
		if u.Version > 0 && u.Client < len(each) {
			each[u.Client]++
		}
	}
	counts := make([]uint64, slices.Max(each)+1)
	for _, n := range each {
		counts[n]++
	}
	return panel{
		Title: "How often clients took part",
		Chart: chart.Histogram{Label: "how many clients have how many updates in the model", X: "updates in the model", Counts: counts}.SVG(),
		Note:  fmt.Sprintf("Gini coefficient %s: 0 is all alike, 1 one client alone. Never took part: %d.", chart.Number(l.Summary.Bias.Gini), counts[0]),
	}
}

// reasons are the components of the chosen clients' scores as the run went on, in spans stretches of as many updates.
func reasons(l *Loaded, scored []UpdateRow) panel {
	if len(scored) == 0 {
		return panel{}
	}
	p := panel{Title: "What the chosen scored", Note: "Means over the clients that were at work at about the same time, of each component of their scores."}
	series := make([]chart.Series, len(components))
	for group := range slices.Chunk(scored, (len(scored)+spans-1)/spans) {
		for i := range series {
			sum := 0.0
			for _, u := range group {
				sum += u.Components[i]
			}
			series[i].X = append(series[i].X, group[0].Assigned)
			series[i].Y = append(series[i].Y, sum/float64(len(group)))
		}
	}
	for i, name := range components {
		series[i].Name, series[i].Color = name, i
		p.Legend = append(p.Legend, legend{name, "line", i})
	}
	p.Chart = chart.Lines{Label: "components of the chosen clients' scores", X: overTime(l.Summary.Kind).axis, Series: series}.SVG()
	return p
}

// lastChosen lists the newest updates that the record holds in memory, with the reasons for each.
func lastChosen(l *Loaded, kind string) panel {
	const shown = 12
	g := &grid{Head: []string{"client", "made from version", "score", "probability"}}
	if kind == "heteroselect" {
		g.Head = append(g.Head, components[:]...)
	}
	for _, u := range l.Updates[max(0, len(l.Updates)-shown):] {
		figures := []float64{u.Score, u.Probability}
		if kind == "heteroselect" {
			figures = append(figures, u.Components[:]...)
		}
		row := []cell{{Text: fmt.Sprintf("client %d", u.Client)}, {Text: chart.Count(u.Base)}}
		for _, v := range figures {
			text := none
			if !math.IsNaN(v) {
				text = chart.Number(v)
			}
			row = append(row, cell{Text: text})
		}
		g.Rows = append(g.Rows, row)
	}
	return panel{
		Title: "Why these clients", Wide: true, Grid: g,
		Note: "The newest updates at hand; updates.csv has them all. Probability is that of being drawn first among the clients that were free.",
	}
}
