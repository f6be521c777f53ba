package record

import (
	"embed"
	"fmt"
	"html/template"
	"io"
	"strings"

	"weir/atomicfile"
	"weir/record/chart"
)

//go:embed page
var pageFiles embed.FS

var pageTemplate = template.Must(template.ParseFS(pageFiles, "page/page.html"))

// page is everything that page.html shows.
type page struct {
	Style    template.CSS
	Script   template.JS
	Kicker   string
	Title    string
	Alert    *alert // what a reader must know before anything else
	Lede     []string
	Figures  []pair
	Sections []section
	Source   string
	Live     bool // it brings itself up to date
	Over     bool // there will be nothing new
}

type alert struct{ Title, Text string }

// pair is a named figure with a remark.
type pair struct{ Name, Value, Note string }

// section is one topic of a page. A new topic is a function that returns one, added to the list in single or several.
type section struct {
	ID, Title, Note string
	Legend          []legend // for all panels
	Panels          []panel
}

// panel is one chart, table or text of a section; what is empty is not shown.
type panel struct {
	Title, Note string
	Wide        bool
	Legend      []legend
	Chart       template.HTML
	Rows        []pair
	Grid        *grid
	Code        string
}

// legend says what a colour stands for. Kind is the form of the swatch: line, faint, or one of the style sheet's.
type legend struct {
	Name, Kind string
	Color      int
}

// grid is a table with one row a run.
type grid struct {
	Head []string
	Rows [][]cell
}

// cell is one cell of a grid; Bar is the length of the bar below its text, in percent.
type cell struct {
	Text   string
	Bar    int
	Color  int
	Swatch bool
	Strong bool
}

// Report writes the page of one run, or of several side by side, as one HTML file that needs nothing else. A target,
// which may be nil, is what the runs are timed by.
func Report(w io.Writer, runs []*Loaded, target *Target) error {
	c, err := Compare(runs, target)
	if err != nil {
		return err
	}
	var p page
	switch len(runs) {
	case 0:
		return ErrNoRuns
	case 1:
		p = single(runs[0], c)
	default:
		p = several(runs, c)
	}
	return p.write(w)
}

// write makes the file of a page, with everything in it.
func (p page) write(w io.Writer) error {
	style, err := pageFiles.ReadFile("page/style.css")
	if err != nil {
		return err
	}
	script, err := pageFiles.ReadFile("page/hover.js")
	if err != nil {
		return err
	}
	if p.Live {
		follow, err := pageFiles.ReadFile("page/follow.js")
		if err != nil {
			return err
		}
		script = append(script, follow...)
	}
	p.Style, p.Script = template.CSS(style), template.JS(script)
	return pageTemplate.Execute(w, p)
}

// WriteReport writes the page to a file, whole or not at all.
func WriteReport(path string, runs []*Loaded, target *Target) error {
	err := atomicfile.Write(path, func(w io.Writer) error { return Report(w, runs, target) })
	if err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}

// keepPanels drops the panels that have nothing to show, and says whether any is left.
func (s *section) keepPanels() bool {
	kept := s.Panels[:0]
	for _, p := range s.Panels {
		if p.Chart != "" || p.Rows != nil || p.Grid != nil || p.Code != "" {
			kept = append(kept, p)
		}
	}
	s.Panels = kept
	return len(kept) > 0
}

func keepSections(sections ...section) []section {
	var kept []section
	for _, s := range sections {
		if s.keepPanels() {
			kept = append(kept, s)
		}
	}
	return kept
}

// words is a metric's name as a person says it: test_accuracy is test accuracy.
func words(metric string) string { return strings.ReplaceAll(metric, "_", " ") }

// sentence begins with a capital letter.
func sentence(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// clock is what a run's times are called.
func clock(kind string) string {
	if kind == "sim" {
		return "virtual time"
	}
	return "time"
}

// mainMetric is the metric a run is judged by: an accuracy if it has one, else the loss, else the first; empty when
// nothing was evaluated.
func (l *Loaded) mainMetric() string {
	names := l.metricNames()
	for _, is := range []func(string) bool{
		func(n string) bool { return n == "test_accuracy" },
		func(n string) bool { return strings.HasSuffix(n, "accuracy") },
		func(n string) bool { return n == "loss" },
		func(string) bool { return true },
	} {
		for _, n := range names {
			if is(n) {
				return n
			}
		}
	}
	return ""
}

// at is the kept evaluation of the given version, or the last one before it.
func (l *Loaded) at(version uint64) VersionRow {
	var found VersionRow
	for _, v := range l.Evaluated {
		if v.Version > version {
			break
		}
		found = v
	}
	return found
}

// plural writes a count with its noun: 1 version, 93 versions.
func plural(n uint64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return chart.Count(n) + " " + noun + "s"
}

// share writes a part of a whole: 12 of 300 (4%).
func share(part, whole uint64) string {
	if whole == 0 {
		return chart.Count(part)
	}
	return fmt.Sprintf("%s (%s)", chart.Count(part), chart.Percent(float64(part)/float64(whole)))
}
