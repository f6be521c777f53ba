package chart

import (
	"html/template"
	"math"
	"strings"
)

// Water is power that fills the hollows of a floor, carrier by carrier.
type Water struct {
	Label string
	X     string    // what the carriers are called
	Floor []float64 // interference and noise
	Power []float64 // on top of it
	Level float64   // to which the water stands
}

// shownAbove is how much of the floor is shown above the water: a faded carrier's may be a thousand times as high.
const shownAbove = 1.6

// SVG draws the chart.
func (w Water) SVG() template.HTML {
	if len(w.Floor) == 0 || !(w.Level > 0) || math.IsInf(w.Level, 0) {
		return ""
	}
	y := newScale(Axis{Zero: true}, 0, shownAbove*w.Level, 4, true)
	x := scale{lo: 0, hi: float64(len(w.Floor)), unit: step{1, ""}}
	every := max(1, nice(x.hi/8))
	for v := 0.0; v < x.hi; v += every {
		x.ticks = append(x.ticks, v)
	}
	x.apart = every
	var c canvas
	left := c.gridY(y)
	top := make([]float64, len(w.Floor))
	for k := range top {
		top[k] = w.Floor[k] + w.Power[k]
	}
	c.add(`<svg viewBox="0 0 1000 1000" preserveAspectRatio="none" width="100%%" height="100%%">`)
	c.add(`<path class="bar c0" d="%s"/><path class="bar c7" d="%s"/></svg>`, steps(top, y), steps(w.Floor, y))
	c.axisX(Axis{Label: w.X}, x)
	c.rule(Rule{Y: w.Level, Text: "level " + Number(w.Level)}, y)
	return frame(w.Label, linesHeight, left, true, c.String())
}

// steps is the outline of bars side by side, from the bottom up.
func steps(heights []float64, y scale) string {
	var b strings.Builder
	b.WriteString("M0 1000")
	for k, v := range heights {
		up := coordinate(1 - min(1, y.at(v)))
		b.WriteString("V" + up + "H" + coordinate(float64(k+1)/float64(len(heights))))
	}
	b.WriteString("V1000Z")
	return b.String()
}
