package chart

import (
	"fmt"
	"html"
	"html/template"
	"strings"
)

// Timeline shows who did what when: a lane for each client, time from left to right.
type Timeline struct {
	Label string
	X     Axis
	End   float64 // where the time axis ends; it begins at 0
	Lanes []Lane
	Ticks []float64 // moments marked through all lanes
}

// Lane is one client's line of a Timeline.
type Lane struct {
	Name  string
	Note  string
	Work  []Span    // thick
	Wait  []Span    // thin: underway, neither at work nor idle
	Cross []float64 // moments at which something was lost
}

// Span is a stretch of time.
type Span struct{ From, To float64 }

const (
	laneHeight = 14 // pixels
	workHeight = 9
	waitHeight = 3
)

// SVG draws the chart.
func (t Timeline) SVG() template.HTML {
	if len(t.Lanes) == 0 || !(t.End > 0) {
		return ""
	}
	a := t.X
	a.Zero = true
	x := newScale(a, 0, t.End, 6, false)
	height := laneHeight * len(t.Lanes)
	longest := 0
	var c canvas
	for _, v := range t.Ticks {
		at := percent(x.at(v))
		c.add(`<line class="commit" x1="%s" x2="%s" y1="0" y2="100%%"/>`, at, at)
	}
	for i, lane := range t.Lanes {
		middle := laneHeight*i + laneHeight/2
		c.add(`<line class="lane" x1="0" x2="100%%" y1="%d" y2="%d"/>`, middle, middle)
		c.text("-8", fmt.Sprint(middle), `dy=".32em" class="tick end"`, lane.Name)
		longest = max(longest, len([]rune(lane.Name)))
	}
	c.axisX(a, x)
	c.add(`<svg viewBox="0 0 1000 %d" preserveAspectRatio="none" width="100%%" height="100%%">`, height)
	for i, lane := range t.Lanes {
		middle := laneHeight*i + laneHeight/2
		c.add(`<g><title>%s</title>`, html.EscapeString(lane.Note))
		c.spans("wait c1", lane.Wait, x, middle, waitHeight)
		c.spans("work c0", lane.Work, x, middle, workHeight)
		c.add(`</g>`)
	}
	c.add(`</svg>`)
	for i, lane := range t.Lanes {
		for _, v := range lane.Cross {
			if v <= t.End {
				c.text(percent(x.at(v)), fmt.Sprint(laneHeight*i+laneHeight/2), `dy=".34em" class="cross mid"`, "×")
			}
		}
	}
	return frame(t.Label, height, longest, true, c.String())
}

// spans draws all the spans of a lane as one path of boxes.
func (c *canvas) spans(class string, spans []Span, x scale, middle, height int) {
	var d strings.Builder
	for _, s := range spans {
		if !x.shows(s.From) || !x.shows(s.To) {
			continue
		}
		from, to := max(0, x.at(s.From)), min(1, x.at(s.To))
		if to <= from {
			continue
		}
		width := max(to-from, 0.0006) // so that short ones can be seen
		fmt.Fprintf(&d, "M%s %gh%sv%dh-%sz", coordinate(from), float64(middle)-float64(height)/2, coordinate(width), height, coordinate(width))
	}
	if d.Len() > 0 {
		c.add(`<path class="%s" d="%s"/>`, class, d.String())
	}
}
