package chart

import (
	"fmt"
	"html"
	"html/template"
	"strings"
)

// canvas collects the svg of one chart.
type canvas struct{ strings.Builder }

func (c *canvas) add(format string, args ...any) { fmt.Fprintf(c, format, args...) }

// text writes a label at x, y: percentages or pixels. attrs are further attributes.
func (c *canvas) text(x, y, attrs, s string) {
	c.add(`<text x="%s" y="%s" %s>%s</text>`, x, y, attrs, html.EscapeString(s))
}

// percent is a position along a side; up from the bottom when the side is vertical is the caller's 1-v.
func percent(v float64) string { return trimZeros(fmt.Sprintf("%.3f", 100*v)) + "%" }

// frame wraps the marks of a chart in its svg, with room for tick labels of left characters.
func frame(label string, height, left int, bottom bool, marks string) template.HTML {
	below := 10
	if bottom {
		below = 44
	}
	return template.HTML(fmt.Sprintf(
		`<div class="frame" style="padding:18px 14px %dpx %dpx"><svg class="chart" role="img" aria-label="%s" width="100%%" height="%d">%s</svg></div>`,
		below, 12+left*7, html.EscapeString(label), height, marks))
}

// gridY draws the horizontal lines and their labels, and returns the length of the longest label.
func (c *canvas) gridY(s scale) (longest int) {
	for _, v := range s.ticks {
		y := percent(1 - s.at(v))
		c.add(`<line class="grid" x1="0" x2="100%%" y1="%s" y2="%s"/>`, y, y)
		c.text("-8", y, `dy=".32em" class="tick end"`, s.tick(v))
		longest = max(longest, len([]rune(s.tick(v))))
	}
	return longest
}

// axisX draws the ticks below and the axis's title.
func (c *canvas) axisX(a Axis, s scale) {
	c.add(`<line class="axis" x1="0" x2="100%%" y1="100%%" y2="100%%"/>`)
	for _, v := range s.ticks {
		x := percent(s.at(v))
		c.text(x, "100%", `dy="18" class="tick mid"`, s.tick(v))
	}
	if title := a.title(s); title != "" {
		c.text("50%", "100%", `dy="37" class="title mid"`, title)
	}
}
