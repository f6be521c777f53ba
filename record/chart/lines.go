package chart

import (
	"html"
	"html/template"
	"math"
	"strconv"
)

// Series is one curve.
type Series struct {
	Name  string
	Color int
	Faint bool // drawn thin, behind the others
	X, Y  []float64
}

// Mark is a labelled point.
type Mark struct {
	X, Y  float64
	Text  string
	Color int
	Below bool // the text
}

// Rule is a labelled horizontal line.
type Rule struct {
	Y     float64
	Text  string
	Below bool // the text
}

// Lines is a chart of curves. Points that are not numbers are left out; a chart without any point draws nothing.
type Lines struct {
	Label  string // for readers who do not see it
	X, Y   Axis
	Series []Series
	Marks  []Mark
	Rule   *Rule
}

const linesHeight = 220

// SVG draws the chart.
func (l Lines) SVG() template.HTML {
	xlo, xhi, ylo, yhi, any := l.extent()
	if !any {
		return ""
	}
	x, y := newScale(l.X, xlo, xhi, 5, false), newScale(l.Y, ylo, yhi, 4, true)
	var c canvas
	left := c.gridY(y)
	c.axisX(l.X, x)
	c.add(`<svg class="curves" viewBox="0 0 1000 1000" preserveAspectRatio="none" width="100%%" height="100%%" overflow="visible" data-x="%s" data-y="%s">`, inverse(x), inverse(y))
	for _, faint := range []bool{true, false} {
		for _, s := range l.Series {
			if s.Faint == faint {
				c.curve(s, x, y)
			}
		}
	}
	c.add(`</svg>`)
	if l.Rule != nil && y.shows(l.Rule.Y) {
		c.rule(*l.Rule, y)
	}
	for _, m := range l.Marks {
		c.mark(m, x, y)
	}
	return frame(l.Label, linesHeight, left, true, c.String())
}

func (l Lines) extent() (xlo, xhi, ylo, yhi float64, any bool) {
	xlo, ylo, xhi, yhi = math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)
	number := func(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
	for _, s := range l.Series {
		for i := range s.X {
			if number(s.X[i]) && number(s.Y[i]) {
				xlo, xhi = math.Min(xlo, s.X[i]), math.Max(xhi, s.X[i])
				ylo, yhi = math.Min(ylo, s.Y[i]), math.Max(yhi, s.Y[i])
				any = true
			}
		}
	}
	if any && l.Rule != nil {
		ylo, yhi = math.Min(ylo, l.Rule.Y), math.Max(yhi, l.Rule.Y)
	}
	return xlo, xhi, ylo, yhi, any
}

// inverse tells the page's script how to read values off a scale: the two ends and the unit, and log for a logarithmic one.
func inverse(s scale) string {
	format := func(v float64) string { return strconv.FormatFloat(v, 'g', 10, 64) }
	kind := "linear"
	if s.log {
		kind = "log"
	}
	return format(s.lo/s.unit.factor) + " " + format(s.hi/s.unit.factor) + " " + kind + " " + s.unit.name
}

// curve draws one series; a point that is not a number interrupts it.
func (c *canvas) curve(s Series, x, y scale) {
	class := "line"
	if s.Faint {
		class = "line faint"
	}
	if s.Color >= 8 { // the colours begin anew
		class += " again"
	}
	c.add(`<path class="%s c%d" data-name="%s" d="`, class, s.Color%8, html.EscapeString(s.Name))
	move := true
	for i := range s.X {
		if !x.shows(s.X[i]) || !y.shows(s.Y[i]) {
			move = true
			continue
		}
		letter := 'L'
		if move {
			letter = 'M'
		}
		px, py := coordinate(x.at(s.X[i])), coordinate(1-y.at(s.Y[i]))
		c.add("%c%s %s", letter, px, py)
		if move { // so that a single point shows as a dot
			c.add("h0")
		}
		move = false
	}
	c.add(`"/>`)
}

// coordinate is a position of 0 to 1 in the 1000 units of the inner svg.
func coordinate(v float64) string { return trimZeros(strconv.FormatFloat(1000*v, 'f', 2, 64)) }

func (c *canvas) rule(r Rule, y scale) {
	at, dy := percent(1-y.at(r.Y)), "-5"
	if r.Below {
		dy = "15"
	}
	c.add(`<line class="rule" x1="0" x2="100%%" y1="%s" y2="%s"/>`, at, at)
	c.text("100%", at, `dy="`+dy+`" class="note end"`, r.Text)
}

func (c *canvas) mark(m Mark, x, y scale) {
	if !x.shows(m.X) || !y.shows(m.Y) {
		return
	}
	px, py := x.at(m.X), y.at(m.Y)
	c.add(`<circle class="dot c%d" cx="%s" cy="%s" r="4"/>`, m.Color%8, percent(px), percent(1-py))
	anchor, dx, dy := "start", "8", "-7"
	if px > 0.6 {
		anchor, dx = "end", "-6"
	}
	if m.Below && py > 0.1 {
		dy = "18"
	}
	c.text(percent(px), percent(1-py), `dx="`+dx+`" dy="`+dy+`" class="note `+anchor+`"`, m.Text)
}
