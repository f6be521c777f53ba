package chart

import (
	"html"
	"html/template"
)

// Heat is a square of who has how much to do with whom.
type Heat struct {
	Label     string
	Row, Cell string      // a row's name, and what a cell says of its column: "user", "hears user"
	Values    [][]float64 // [row][column], not negative
}

// SVG draws the square: the darker a cell, the larger its value.
func (h Heat) SVG() template.HTML {
	largest := 0.0
	for _, row := range h.Values {
		for _, v := range row {
			largest = max(largest, v)
		}
	}
	if largest == 0 {
		return ""
	}
	var c canvas
	side := 1 / float64(len(h.Values))
	c.add(`<rect class="axis" fill="none" width="100%%" height="100%%"/>`)
	for i, row := range h.Values {
		c.text("-8", percent((float64(i)+.5)*side), `dy=".32em" class="tick end"`, sparsely(i, len(h.Values)))
		c.text(percent((float64(i)+.5)*side), "100%", `dy="18" class="tick mid"`, sparsely(i, len(h.Values)))
		for j, v := range row {
			if v > 0 {
				c.add(`<rect class="bar c0" opacity="%.3g" x="%s" y="%s" width="%s" height="%s"><title>%s %d %s %d: %s</title></rect>`,
					0.08+0.92*v/largest, percent(float64(j)*side), percent(float64(i)*side), percent(0.94*side), percent(0.94*side),
					html.EscapeString(h.Row), i, html.EscapeString(h.Cell), j, Number(v))
			}
		}
	}
	return frame(h.Label, linesHeight, 3, true, c.String())
}

// sparsely numbers about ten of n.
func sparsely(i, n int) string {
	if i%int(max(1, nice(float64(n)/10))) != 0 {
		return ""
	}
	return Count(uint64(i))
}
