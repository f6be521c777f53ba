package chart

import (
	"html/template"
	"math"
)

// Scatter sets one share of each member of a group against another, on equal axes, with the diagonal where they agree.
type Scatter struct {
	Label    string
	X, Y     Axis
	Diagonal string // what lies on it
	Xs, Ys   []float64
}

// SVG draws the chart.
func (s Scatter) SVG() template.HTML {
	hi := 0.0
	for i := range s.Xs {
		hi = math.Max(hi, math.Max(s.Xs[i], s.Ys[i]))
	}
	if hi == 0 || math.IsNaN(hi) || math.IsInf(hi, 0) {
		return ""
	}
	s.X.Zero, s.Y.Zero = true, true
	both := newScale(s.X, 0, hi, 4, true)
	var c canvas
	left := c.gridY(both)
	c.axisX(s.X, both)
	c.add(`<line class="rule" x1="0" y1="100%%" x2="100%%" y2="0"/>`)
	for i := range s.Xs {
		c.add(`<circle class="point c0" cx="%s" cy="%s" r="3"/>`, percent(both.at(s.Xs[i])), percent(1-both.at(s.Ys[i])))
	}
	c.text("100%", "0", `dx="-8" dy="12" class="note end"`, s.Diagonal)
	return frame(s.Label, linesHeight, left, true, c.String())
}
