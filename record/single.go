package record

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"weir/record/chart"
)

// single is the page of one run.
func single(l *Loaded, c Comparison) page {
	s := l.Summary
	kind := map[string]string{"sim": "simulated run", "cluster": "run on a cluster"}[s.Kind]
	return page{
		Kicker:  fmt.Sprintf("weir · %s · %s · seed %d", kind, plural(uint64(s.Clients), "client"), s.Seed),
		Title:   s.Name,
		Alert:   l.alert(),
		Lede:    l.lede(c),
		Figures: l.figures(),
		Sections: keepSections(append(
			l.outcome(c.Target),
			choice(l),
			timeline(l),
			asynchrony(l),
			compression(l),
			costs(l),
			reproduce(l),
		)...),
		Source: l.Dir,
	}
}

// outcome is what came of the run: what was learnt and whose work counted in it or, of a game, where it came to rest.
func (l *Loaded) outcome(target *Target) []section {
	if l.isGame() {
		return playedGame(l)
	}
	return []section{learning(l, target), fairness(l)}
}

// isGame says whether clients own blocks of the vector instead of sharing all of it, so that no weights are there to be
// fair or not.
func (l *Loaded) isGame() bool { return l.setting("problem.kind") == "waterfill" }

// alert tells of a run that did not end as it should.
func (l *Loaded) alert() *alert {
	s := l.Summary
	upTo := fmt.Sprintf("The figures are those up to version %s.", chart.Count(s.Versions))
	switch s.StoppedBy {
	case "diverged":
		return &alert{fmt.Sprintf("Diverged after version %s.", chart.Count(s.Versions)), "The model or a loss stopped being a number. " + l.because()}
	case "interrupt":
		return &alert{fmt.Sprintf("Interrupted after version %s.", chart.Count(s.Versions)), upTo + " To go on: weir sim --resume " + l.Dir}
	case "killed":
		return &alert{
			fmt.Sprintf("Ended unexpectedly at version %s.", chart.Count(s.Versions)),
			"The process wrote no summary. This page is made from the rows that it left, so the clients' shares and the use of their time are missing.",
		}
	case "error":
		return &alert{fmt.Sprintf("Failed after version %s.", chart.Count(s.Versions)), l.because()}
	}
	return nil
}

func (l *Loaded) because() string {
	if l.Summary.Error == "" {
		return "The figures are those up to there."
	}
	reason := strings.TrimPrefix(l.Summary.Error, fmt.Sprintf("diverged after version %d: ", l.Summary.Versions))
	return sentence(strings.TrimSuffix(reason, ".")) + "."
}

// lede says in plain words what the run showed.
func (l *Loaded) lede(c Comparison) []string {
	s := l.Summary
	lede := []string{l.headline()}
	if c.Target != nil && len(l.Evaluated) > 0 {
		lede = append(lede, c.Runs[0].timed(c.Target, clock(s.Kind)))
	} else if t := s.TimeToTarget; t != nil {
		lede = append(lede, fmt.Sprintf("The target was reached after %s (version %s, %s up).", chart.Time(t.Seconds), chart.Count(t.Versions), chart.Size(float64(t.BytesUp))))
	}
	if len(s.Bias.Classes) > 0 && s.Updates.Committed > 0 && !l.isGame() {
		lede = append(lede, fairnessInWords(s.Bias.TotalVariation))
	}
	return lede
}

func (l *Loaded) headline() string {
	s := l.Summary
	if metric := l.mainMetric(); metric != "" {
		m, at := s.Metrics[metric], l.at(s.Metrics[metric].AtBestVersion)
		if s.Versions == 0 {
			return fmt.Sprintf("Only the initial model was evaluated: %s %s.", words(metric), chart.Number(m.Best))
		}
		return fmt.Sprintf("%s %s at best (version %s), after %s of %s and %s up; %s over the last %s.",
			sentence(words(metric)), chart.Number(m.Best), chart.Count(m.AtBestVersion), chart.Time(at.Time), clock(s.Kind), chart.Size(float64(at.BytesUp)),
			chart.Number(m.Last10Mean), lastTen(len(l.Evaluated)))
	}
	text := fmt.Sprintf("%s from %s in %s of %s. Nothing was evaluated.",
		plural(s.Versions, "version"), plural(s.Updates.Committed, "update"), chart.Time(s.VirtualSeconds), clock(s.Kind))
	if s.Kind == "sim" && s.WallSeconds > 0 {
		text += fmt.Sprintf(" The simulator took %s: %s updates a second.", chart.Time(s.WallSeconds), chart.Number(math.Round(float64(s.Updates.Sent)/s.WallSeconds)))
	}
	return text
}

func lastTen(evaluations int) string {
	if evaluations >= 10 {
		return "ten evaluations"
	}
	return plural(uint64(evaluations), "evaluation")
}

// timed says when a target was reached.
func (r ComparedRun) timed(t *Target, clock string) string {
	goal := fmt.Sprintf("%s %s", words(t.Metric), chart.Number(t.Value))
	if r.TimeToTarget == nil {
		return fmt.Sprintf("It did not reach %s as the mean of five evaluations.", goal)
	}
	return fmt.Sprintf("It reached %s, as the mean of five evaluations, after %s of %s (version %s, %s up).",
		goal, chart.Time(r.TimeToTarget.Seconds), clock, chart.Count(r.TimeToTarget.Versions), chart.Size(float64(r.TimeToTarget.BytesUp)))
}

// biasFigure is a bias in a column of them; a killed run has none.
func biasFigure(bias float64) string {
	if math.IsNaN(bias) {
		return none
	}
	return strconv.FormatFloat(bias, 'f', 3, 64)
}

// fairnessInWords explains the aggregation bias.
func fairnessInWords(bias float64) string {
	if bias < 0.05 {
		return fmt.Sprintf("Clients counted in the model as their data says: bias %s (total variation between their shares; 0 is fair, 1 the worst).", biasFigure(bias))
	}
	return fmt.Sprintf("Clients did not count in the model as their data says: bias %s, so %s of the weight went to other clients than a fair average would give it to.",
		biasFigure(bias), chart.Percent(bias))
}

// figures are the key figures at the top.
func (l *Loaded) figures() []pair {
	s := l.Summary
	var f []pair
	if metric := l.mainMetric(); metric != "" {
		m := s.Metrics[metric]
		f = append(
			f,
			pair{"Best " + words(metric), chart.Number(m.Best), "version " + chart.Count(m.AtBestVersion)},
			pair{sentence(words(metric)) + ", last ten", chart.Number(m.Last10Mean), "final " + chart.Number(m.Final)},
		)
	} else {
		f = append(
			f,
			pair{"Parameters", chart.Count(uint64(s.Parameters)), "nothing was evaluated"},
			pair{"Updates a second", chart.Number(math.Round(float64(s.Updates.Sent) / math.Max(s.WallSeconds, 1e-9))), "of real time"},
		)
	}
	took := pair{"Time", chart.Time(s.WallSeconds), "stopped by " + s.StoppedBy}
	if s.Kind == "sim" {
		took = pair{"Virtual time", chart.Time(s.VirtualSeconds), chart.Time(s.WallSeconds) + " to simulate"}
	}
	f = append(f, took,
		pair{"Versions", chart.Count(s.Versions), l.ended()},
		pair{"Updates committed", chart.Count(s.Updates.Committed), "of " + chart.Count(s.Updates.Sent) + " sent"},
		pair{"Bytes up", chart.Size(float64(s.Bytes.Up)), smaller(s.Bytes.Up, s.Bytes.UpUncompressed)},
		pair{"Staleness", chart.Number(s.Staleness.Mean), fmt.Sprintf("versions on average; 95%% within %d", s.Staleness.P95)})
	if len(s.Bias.Classes) > 0 && s.Updates.Committed > 0 && !l.isGame() {
		return append(f, pair{"Aggregation bias", biasFigure(s.Bias.TotalVariation), "0 is fair, 1 the worst"})
	}
	return append(f, pair{"Clients", chart.Count(uint64(s.Clients)), ""})
}

// ended says why the run stopped.
func (l *Loaded) ended() string {
	switch by := l.Summary.StoppedBy; by {
	case "versions", "time", "target":
		return "ended by stop." + by
	case "":
		return ""
	default:
		return "ended by: " + by
	}
}

// smaller says how many times fewer bytes were sent than without compression.
func smaller(sent, dense uint64) string {
	if sent == 0 || dense == 0 {
		return ""
	}
	if times := float64(dense) / float64(sent); times >= 1.05 {
		return chart.Number(times) + " times fewer than dense"
	}
	return "not compressed"
}

// fairness compares what each class of clients gave with what its data asks for.
func fairness(l *Loaded) section {
	b := l.Summary.Bias
	if l.Summary.Updates.Committed == 0 || len(b.Classes) == 0 {
		return section{}
	}
	bars := chart.Bars{Label: "participation and shares of each class of clients", Unit: chart.Share, Names: []string{"participation", "share of the model", "share of the data"}, Colors: []int{1, 0, 7}}
	for _, c := range b.Classes {
		bars.Groups = append(bars.Groups, c.Name)
		bars.Values = append(bars.Values, []float64{c.Participation, c.Share, c.Target})
	}
	s := section{
		ID: "fairness", Title: "Whose work counted",
		Note: "Asynchrony lets fast clients take part more often. The model is fair when each client's share of it is its share of the data.",
		Panels: []panel{{
			Title:  "Classes of clients, by speed",
			Legend: []legend{{"participation: share of all committed updates", "", 1}, {"share of the model", "", 0}, {"share of the data: the target", "", 7}},
			Chart:  bars.SVG(), Grid: classGrid(b.Classes),
		}},
	}
	if len(b.Share) > 1 && len(b.Share) == len(b.Target) {
		scatter := chart.Scatter{
			Label: "each client's share of the model against its share of the data", X: chart.Axis{Label: "share of the data", Unit: chart.Share},
			Y: chart.Axis{Unit: chart.Share}, Diagonal: "fair", Xs: b.Target, Ys: b.Share,
		}
		s.Panels = append(s.Panels, panel{Title: "Each client's share of the model", Chart: scatter.SVG(), Note: "Above the line a client counts for more than its data, below for less."})
	}
	return s
}

func classGrid(classes []Class) *grid {
	g := &grid{Head: []string{"", "clients", "cycle time", "share of data", "of model", "factor"}}
	for _, c := range classes {
		factor := "–"
		if c.Target > 0 {
			factor = chart.Number(c.Share/c.Target) + "×"
		}
		g.Rows = append(g.Rows, []cell{
			{Text: c.Name},
			{Text: chart.Count(uint64(c.Clients))},
			{Text: chart.Time(c.Cycle)},
			{Text: chart.Percent(c.Target)},
			{Text: chart.Percent(c.Share)},
			{Text: factor},
		})
	}
	return g
}

// asynchrony shows how old updates were.
func asynchrony(l *Loaded) section {
	s := l.Summary.Staleness
	histogram := chart.Histogram{Label: "histogram of staleness", X: "staleness, in versions", Counts: s.Histogram, Open: len(s.Histogram) > 0 && s.Max > len(s.Histogram)-1}
	panels := []panel{{
		Title: "How stale the admitted updates were", Chart: histogram.SVG(),
		Note: fmt.Sprintf("Mean %s, median %d, 95%% within %d, at most %d.", chart.Number(s.Mean), s.P50, s.P95, s.Max),
	}}
	if s.Max > 0 {
		x := overTime(l.Summary.Kind)
		mean, oldest := l.ages(x)
		panels = append(panels, panel{
			Title: "Staleness as the run went on", Legend: []legend{{"mean", "line", 0}, {"oldest", "faint", 7}},
			Chart: chart.Lines{Label: "staleness against " + x.name, X: x.axis, Y: chart.Axis{Zero: true}, Series: []chart.Series{oldest, mean}}.SVG(),
		})
	}
	return section{
		ID: "asynchrony", Title: "How old the updates were",
		Note:   "Staleness counts the versions committed between the model that an update was made from and its arrival.",
		Panels: panels,
	}
}

// costs shows what became of bytes, of clients' time, and of updates.
func costs(l *Loaded) section {
	s := l.Summary
	bytes := panel{Title: "Bytes"}
	if s.Bytes.Up > 0 || s.Bytes.Down > 0 {
		bytes.Rows = []pair{
			{"up", chart.Size(float64(s.Bytes.Up)), smaller(s.Bytes.Up, s.Bytes.UpUncompressed)},
			{"down", chart.Size(float64(s.Bytes.Down)), smaller(s.Bytes.Down, s.Bytes.DownUncompressed)},
		}
		if s.Updates.Sent > 0 {
			bytes.Rows = append(bytes.Rows, pair{"an update", chart.Size(float64(s.Bytes.Up) / float64(s.Updates.Sent)), "up, on average"})
		}
	}
	return section{ID: "costs", Title: "What it cost", Panels: []panel{verdicts(l), bytes, clientTime(s.Time)}}
}

func clientTime(t TimeShares) panel {
	parts := []chart.Part{
		{Name: "computing", Value: t.Compute, Color: 0, Text: chart.Percent(t.Compute)},
		{Name: "blocked on the network", Value: t.BlockedOnNetwork, Color: 1, Text: chart.Percent(t.BlockedOnNetwork)},
		{Name: "idle", Value: t.Idle, Color: 7, Text: chart.Percent(t.Idle)},
	}
	p := panel{Title: "Clients' time", Wide: true, Chart: chart.Stack{Label: "shares of the clients' time", Parts: parts}.SVG()}
	if p.Chart == "" {
		return panel{}
	}
	for _, part := range parts {
		p.Legend = append(p.Legend, legend{part.Name + " " + part.Text, "", part.Color})
	}
	p.Note = "Of all clients together. " + chart.Percent(t.Overlap) + " of the communication was hidden behind computing."
	return p
}

// verdicts shows what became of the updates, and why those that did not count were not admitted.
func verdicts(l *Loaded) panel {
	u := l.Summary.Updates
	if u.Sent == 0 {
		return panel{}
	}
	p := panel{Title: "Updates", Rows: []pair{
		{"sent", chart.Count(u.Sent), ""},
		{"admitted", share(u.Admitted, u.Sent), ""},
		{"committed", share(u.Committed, u.Sent), ""},
	}}
	for _, v := range []pair{{"late", share(u.Late, u.Sent), ""}, {"refused", share(u.Refused, u.Sent), ""}, {"duplicate", share(u.Duplicate, u.Sent), ""}} {
		if v.Value != share(0, u.Sent) {
			p.Rows = append(p.Rows, v)
		}
	}
	reasons := slices.SortedFunc(maps.Keys(l.Reasons), func(a, b string) int {
		return cmp.Or(cmp.Compare(l.Reasons[b], l.Reasons[a]), cmp.Compare(a, b))
	})
	for i, reason := range reasons {
		if i == 8 {
			break
		}
		p.Rows = append(p.Rows, pair{"not admitted", chart.Count(uint64(l.Reasons[reason])), reason})
	}
	return p
}

// reproduce shows how to run it again.
func reproduce(l *Loaded) section {
	s := l.Summary
	command := "weir sim "
	if s.Kind == "cluster" {
		command = "weir up "
	}
	command += filepath.Join(l.Dir, configFile)
	note := ""
	if s.Kind == "sim" && s.ModelDigest != "" {
		note = "The same binary makes the same model from it: digest " + s.ModelDigest + "."
	}
	return section{
		ID: "reproduce", Title: "How to run it again",
		Panels: []panel{{Title: "Command", Code: command, Note: note, Wide: true}, {Title: "Config", Code: string(l.Config), Wide: true}},
	}
}

// compression shows what sending less than everything leaves out, and what is owed for it.
func compression(l *Loaded) section {
	f := l.Summary.Feedback
	if f == nil {
		return section{}
	}
	s := section{
		ID: "compression", Title: "What compression left out",
		Note: "Each point is the mean over a version's updates. Contraction is the part of an update's energy that was sent, 1 - ||C(p)-p||²/||p||². The error norm is what a client owes after its update.",
	}
	for i, c := range []struct {
		title string
		of    func(VersionRow) float64
	}{
		{"measured contraction", func(v VersionRow) float64 { return v.Contraction }},
		{"error norm", func(v VersionRow) float64 { return v.ErrorNorm }},
	} {
		x := overTime(l.Summary.Kind)
		var line chart.Series
		for _, v := range l.Versions {
			if y := c.of(v); !math.IsNaN(y) {
				line.X, line.Y = append(line.X, x.of(v)), append(line.Y, y)
			}
		}
		if len(line.X) > 1 {
			line.Color = i
			s.Panels = append(s.Panels, panel{
				Title: sentence(c.title),
				Chart: chart.Lines{Label: c.title, X: x.axis, Y: chart.Axis{Zero: true}, Series: []chart.Series{line}}.SVG(),
			})
		}
	}
	s.Panels = append(s.Panels, panel{Title: "In figures", Rows: []pair{
		{"Bytes up", chart.Size(float64(l.Summary.Bytes.Up)), smaller(l.Summary.Bytes.Up, l.Summary.Bytes.UpUncompressed)},
		{"Bytes down", chart.Size(float64(l.Summary.Bytes.Down)), smaller(l.Summary.Bytes.Down, l.Summary.Bytes.DownUncompressed)},
		{"Measured contraction", chart.Number(f.MeasuredDelta), "mean over all updates"},
		{"Error norm", chart.Number(f.ErrorNorm), "mean over the clients, after each one's last update"},
		{"Feedback epochs reset", chart.Count(f.EpochsReset), chart.Count(f.Returned) + " updates went back into error memory"},
	}})
	return s
}
