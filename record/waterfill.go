package record

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"weir/problem/certificate"
	"weir/problem/waterfill"
	"weir/record/chart"
)

// What a page shows of a large game.
const (
	shownSpectra  = 12
	shownCarriers = 512
	shownMatrix   = 64
)

// approach is how play came to where it ended: points along an axis.
type approach struct {
	axis            chart.Axis
	at              []float64
	residual, bound []float64
	sum             []float64
	rates           [][]float64 // by user; nil where they were not measured
	certified       chart.Series
}

// waterfilling are the sections of a game that was played: how it came to rest, where the power is, who disturbs whom.
// Any of the three may be missing.
func waterfilling(a approach, g *waterfill.Game, power []float64) []section {
	sections := []section{a.section()}
	if g == nil {
		return sections
	}
	if len(power) == g.Users*g.Carriers {
		sections = append(sections, spectra(g, power))
	}
	return append(sections, interference(g))
}

func (a approach) section() section {
	s := section{
		ID: "equilibrium", Title: "How it came to rest",
		Note: "The residual is how far the user that is furthest from its best response is from it. At an equilibrium it is 0: nobody gains by a change.",
	}
	distances := chart.Lines{Label: "residual and error bound", X: a.axis, Series: []chart.Series{{Name: "residual", Color: 0, X: a.at, Y: positive(a.residual)}}}
	p := panel{Title: "Residual", Wide: true, Legend: []legend{{"residual", "line", 0}}}
	if a.bound != nil {
		distances.Series = append(distances.Series, chart.Series{Name: "error bound", Color: 1, X: a.at, Y: positive(a.bound)})
		p.Legend = append(p.Legend, legend{"error bound: the distance from the equilibrium is below this", "line", 1})
		p.Note = "The error bound is worked out from the residuals, after the fact, in the norm of the certificate."
	}
	if len(a.certified.X) > 1 {
		a.certified.Y = positive(a.certified.Y)
		distances.Series = append(distances.Series, a.certified)
		p.Legend = append(p.Legend, legend{"certified beforehand: the distance stays below this", "line", 7})
	}
	p.Chart = distances.SVG()
	rates := panel{Title: "Sum of the rates, bits a channel use", Chart: chart.Lines{
		Label: "sum of the rates", X: a.axis, Series: []chart.Series{{Name: "sum rate", Color: 2, X: a.at, Y: a.sum}},
	}.SVG()}
	s.Panels = []panel{p, rates}
	if a.rates != nil {
		lines := chart.Lines{Label: "rates of the users", X: a.axis}
		for q, y := range a.rates {
			lines.Series = append(lines.Series, chart.Series{Name: "user " + strconv.Itoa(q), Color: q, X: a.at, Y: y})
		}
		s.Panels = append(s.Panels, panel{Title: "Rates of the users, bits a channel use", Chart: lines.SVG()})
	}
	return s
}

// positive leaves out what a logarithmic axis has no place for.
func positive(y []float64) []float64 {
	y = slices.Clone(y)
	for i, v := range y {
		if !(v > 0) {
			y[i] = math.NaN()
		}
	}
	return y
}

// spectra shows each user's power on top of what it hears.
func spectra(g *waterfill.Game, power []float64) section {
	s := section{
		ID: "spectra", Title: "Where the power is",
		Note:   "Power fills the carriers on which a user hears least, up to one level, like water; a mask holds it below. Floors far above the water are cut off.",
		Legend: []legend{{"power of the user", "", 0}, {"noise and interference over the user's own gain", "", 7}},
	}
	insr := make([]float64, g.Carriers)
	n := min(g.Carriers, shownCarriers)
	for q := range min(g.Users, shownSpectra) {
		g.INSR(q, power, insr)
		p := g.Block(power, q)
		level := 0.0
		for k, v := range p {
			if v > 0 {
				level = max(level, insr[k]+v)
			}
		}
		water := chart.Water{Label: fmt.Sprintf("spectrum of user %d", q), X: "carrier", Floor: insr[:n], Power: p[:n], Level: level}
		s.Panels = append(s.Panels, panel{
			Title: fmt.Sprintf("User %d: %s bits a channel use", q, chart.Number(waterfill.Rate(p, insr))), Chart: water.SVG(),
		})
	}
	if g.Users > shownSpectra {
		s.Note += fmt.Sprintf(" The first %d of %s users.", shownSpectra, chart.Count(uint64(g.Users)))
	}
	if g.Carriers > shownCarriers {
		s.Note += fmt.Sprintf(" The first %d of %s carriers.", shownCarriers, chart.Count(uint64(g.Carriers)))
	}
	return s
}

// interference shows the matrix that the certificate is made from.
func interference(g *waterfill.Game) section {
	l := g.Lipschitz()
	n := min(g.Users, shownMatrix)
	heat := chart.Heat{Label: "who disturbs whom", Row: "user", Cell: "hears user"}
	largest, from, by := 0.0, 0, 0
	for i := range g.Users {
		for j, v := range l.RawRowView(i) {
			if v > largest {
				largest, from, by = v, j, i
			}
		}
		if i < n {
			heat.Values = append(heat.Values, l.RawRowView(i)[:n])
		}
	}
	s := section{
		ID: "interference", Title: "Who disturbs whom",
		Note: "Each cell is how strongly a change of one user's power can change another's answer: the largest ratio over the carriers of the cross gain to the own gain. Their matrix's spectral radius rho decides: below 1, every schedule converges.",
	}
	p := panel{Title: "Hearing (rows) from sending (columns)", Chart: heat.SVG()}
	if p.Chart != "" {
		p.Note = fmt.Sprintf("The darkest cell is %s: user %d hears user %d.", chart.Number(largest), by, from)
	}
	s.Panels = []panel{p}
	if c, err := certificate.Of(l); err == nil {
		s.Panels = append(s.Panels, panel{Title: "Certificate", Rows: certificateRows(c)})
	}
	return s
}

func certificateRows(c *certificate.Certificate) []pair {
	if !c.Certified {
		return []pair{{"rho", chart.Number(c.Rho), "not certified: a rho of 1 or more proves nothing; play may settle, cycle, or have several equilibria"}}
	}
	return []pair{
		{"rho", chart.Number(c.Rho), "certified: one equilibrium, reached on every schedule"},
		{"rate", chart.Number(c.Rate), "the distance falls at least by this factor a cycle, in any order of updates"},
		{"margin", chart.Number(c.Margin), "small-gain margin of strong monotonicity"},
	}
}

// playedGame are the sections of a run whose problem is a game.
func playedGame(l *Loaded) []section {
	a := approach{axis: overTime(l.Summary.Kind).axis}
	for _, v := range l.Evaluated {
		residual, _ := v.Metrics.Get("residual")
		sum, _ := v.Metrics.Get("sum_rate")
		a.at, a.residual, a.sum = append(a.at, v.Time), append(a.residual, residual), append(a.sum, sum)
		if bound, certified := v.Metrics.Get("error_bound"); certified {
			a.bound = append(a.bound, bound)
		}
	}
	if len(a.at) == 0 {
		return nil
	}
	g, err := waterfill.Read(l.setting("problem.file"))
	if err != nil {
		return waterfilling(a, nil, nil) // the game has gone elsewhere since
	}
	if c, err := certificate.Of(g.Lipschitz()); err == nil && len(a.bound) > 0 {
		a.certified = l.certifiedApproach(c, a.bound[0])
	}
	x32, power, err := ReadModel(l.Dir)
	if err != nil {
		power = nil
	}
	for _, v := range x32 {
		power = append(power, float64(v))
	}
	return waterfilling(a, g, power)
}

// certifiedApproach is what the certificate allows the distance from the equilibrium to be, from a first bound on it: it
// falls by the certified rate every time that all users have answered to versions at least as new as the time before. It
// is empty where updates are not whole and exact.
func (l *Loaded) certifiedApproach(c *certificate.Certificate, bound float64) chart.Series {
	s := chart.Series{Name: "certified", Color: 7}
	relax, err := strconv.ParseFloat(l.setting("outer.lr"), 64)
	if l.setting("aggregate.kind") == "fedasync" {
		alpha, badAlpha := strconv.ParseFloat(l.setting("aggregate.alpha"), 64)
		relax *= alpha
		err = badAlpha
	}
	if err != nil || !c.Certified || l.setting("compress.kind") != "identity" || l.setting("staleness.kind") != "constant" ||
		l.setting("problem.noise") != "" || l.setting("problem.measured") != "1" {
		return s
	}
	s.X, s.Y = []float64{0}, []float64{bound}
	for _, at := range l.cycles() {
		s.X, s.Y = append(s.X, at, at), append(s.Y, bound, bound*c.RelaxedRate(relax))
		bound *= c.RelaxedRate(relax)
	}
	return s
}

// cycles are the times at which every client had a further update in the model that was made from a version at least as
// new as the cycle before. It looks at the first updates of the run only.
func (l *Loaded) cycles() []float64 {
	when := map[uint64]float64{}
	for _, v := range l.Commits {
		when[v.Version] = v.Time
	}
	var ends []float64
	answered := map[int]bool{}
	began, end := 0.0, 0.0
	for _, u := range l.Updates {
		at, known := when[u.Version]
		if u.Version == 0 || !known || u.Assigned < began || answered[u.Client] {
			continue
		}
		answered[u.Client] = true
		end = max(end, at)
		if len(answered) == l.Summary.Clients {
			ends = append(ends, end)
			began = end
			clear(answered)
		}
	}
	return ends
}
