package record

import (
	"io"
	"slices"
)

// Live is the page of a run that goes on: the charts of the report so far, and what only whoever runs it can tell. Its
// script brings it up to date every second, from what WriteMain writes.
type Live struct {
	Kicker  string
	Title   string
	Alert   *Alert // what a reader must know before anything else
	Lede    []string
	Figures []Fact
	History *History
	Summary Summary // so far: Name, Kind, Metrics, Staleness
	Tables  []Table
	Source  string
	Over    bool // the run is: nothing more will come
}

// Alert is bad news: what happened in a few words, and what it means.
type Alert struct{ Title, Text string }

// Fact is a named figure with a remark.
type Fact struct{ Name, Value, Note string }

// Table is a topic of a page, told in rows. The first cell of a row is its name.
type Table struct {
	ID, Title, Note string
	Head            []string
	Rows            [][]Cell
}

// Cell is one cell of a table. Bar, of 0 to 100, is the length of the bar below its text.
type Cell struct {
	Text string
	Bar  int
}

// Write writes the whole page.
func (l Live) Write(w io.Writer) error { return l.page().write(w) }

// WriteMain writes what is between the page's <main> and </main>.
func (l Live) WriteMain(w io.Writer) error { return pageTemplate.ExecuteTemplate(w, "main", l.page()) }

func (l Live) page() page {
	loaded := &Loaded{Summary: l.Summary}
	loaded.Versions, loaded.Evaluated = l.History.Rows()
	sections := []section{learning(loaded, nil), asynchrony(loaded)}
	sections[0].Title = "What it learns"
	sections[1].Title = "How old the updates are"
	for _, t := range l.Tables {
		sections = append(sections, t.section())
	}
	p := page{
		Kicker: l.Kicker, Title: l.Title, Alert: (*alert)(l.Alert), Lede: l.Lede, Sections: keepSections(sections...), Source: l.Source,
		Live: true, Over: l.Over,
	}
	for _, f := range l.Figures {
		p.Figures = append(p.Figures, pair(f))
	}
	return p
}

func (t Table) section() section {
	g := &grid{Head: t.Head}
	for _, row := range t.Rows {
		cells := make([]cell, len(row))
		for i, c := range row {
			cells[i] = cell{Text: c.Text, Bar: c.Bar}
		}
		g.Rows = append(g.Rows, cells)
	}
	return section{ID: t.ID, Title: t.Title, Note: t.Note, Panels: []panel{{Wide: true, Grid: g}}}
}

// keptLive is how many versions, and how many evaluations, a live page draws: about one for each pixel of a chart.
const keptLive = 500

// History is what a live page draws of a run's versions: at most so many, evenly thinned.
type History struct{ all, evaluated thinned[VersionRow] }

// NewHistory returns the history of a run without versions.
func NewHistory() *History {
	return &History{all: thinned[VersionRow]{max: keptLive}, evaluated: thinned[VersionRow]{max: keptLive}}
}

// ReadHistory reads the history back from the folder of a run.
func ReadHistory(dir string) (*History, error) {
	h := NewHistory()
	return h, eachVersion(dir, h.Add)
}

// Add takes the next version.
func (h *History) Add(v VersionRow) {
	h.all.add(v)
	if v.Metrics != nil {
		h.evaluated.add(v)
	}
}

// Rows are the versions, and those of them that were evaluated, oldest first.
func (h *History) Rows() (versions, evaluated []VersionRow) { return h.all.rows(), h.evaluated.rows() }

// Clone is a copy that stays as it is.
func (h *History) Clone() *History {
	c := *h
	c.all.kept, c.evaluated.kept = slices.Clone(h.all.kept), slices.Clone(h.evaluated.kept)
	return &c
}
