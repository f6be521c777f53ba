package chart

import (
	"html"
	"html/template"
	"math"
	"strings"
)

// Bars are groups of bars that stand side by side, such as classes of clients with a few shares each.
type Bars struct {
	Label  string
	Unit   Unit
	Names  []string    // of the bars within a group
	Colors []int       // of the same
	Groups []string    // below each group
	Values [][]float64 // [group][bar], not negative
}

const barsHeight = 180

// SVG draws the chart.
func (b Bars) SVG() template.HTML {
	hi := 0.0
	for _, group := range b.Values {
		for _, v := range group {
			if !math.IsInf(v, 0) {
				hi = math.Max(hi, v)
			}
		}
	}
	if len(b.Groups) == 0 || hi == 0 {
		return ""
	}
	y := newScale(Axis{Unit: b.Unit, Zero: true}, 0, hi, 4, true)
	var c canvas
	left := c.gridY(y)
	c.add(`<line class="axis" x1="0" x2="100%%" y1="100%%" y2="100%%"/>`)
	group := 1 / float64(len(b.Groups))
	bar := group * 0.78 / float64(len(b.Names))
	value := "value mid"
	if len(b.Groups)*len(b.Names) > 8 {
		value = "value mid dense" // hidden where the screen is narrow
	}
	for g, name := range b.Groups {
		start := (float64(g) + 0.11) * group
		for i, v := range b.Values[g] {
			if !y.shows(v) {
				continue
			}
			text := b.show(v)
			x := start + float64(i)*bar
			c.add(`<rect class="bar c%d" x="%s" y="%s" width="%s" height="%s"><title>%s, %s: %s</title></rect>`,
				b.Colors[i]%8, percent(x+bar*0.05), percent(1-y.at(v)), percent(bar*0.9), percent(y.at(v)), html.EscapeString(name), html.EscapeString(b.Names[i]), text)
			c.text(percent(x+bar/2), percent(1-y.at(v)), `dy="-4" class="`+value+`"`, text)
		}
		first, rest, _ := strings.Cut(name, " ") // on two lines: groups are narrow on a phone
		c.text(percent((float64(g)+0.5)*group), "100%", `dy="18" class="tick mid"`, first)
		c.text(percent((float64(g)+0.5)*group), "100%", `dy="33" class="tick mid"`, rest)
	}
	return frame(b.Label, barsHeight, left, true, c.String())
}

func (b Bars) show(v float64) string {
	if b.Unit == Share {
		return Percent(v)
	}
	return Number(v)
}

// Histogram counts whole numbers from 0 on.
type Histogram struct {
	Label  string
	X      string // what is counted
	Counts []uint64
	Open   bool // the last bin counts everything from there on
}

// maxBins is how many bars are drawn at most: more values are put together, several to a bar.
const maxBins = 40

// SVG draws the chart.
func (h Histogram) SVG() template.HTML {
	width := (len(h.Counts) + maxBins - 1) / maxBins // values to a bar
	var total, top uint64
	var bins []uint64
	for v, n := range h.Counts {
		if v%width == 0 {
			bins = append(bins, 0)
		}
		bins[len(bins)-1] += n
		total += n
		top = max(top, bins[len(bins)-1])
	}
	if total == 0 {
		return ""
	}
	y := newScale(Axis{Unit: Share, Zero: true}, 0, float64(top)/float64(total), 4, true)
	var c canvas
	left := c.gridY(y)
	c.add(`<line class="axis" x1="0" x2="100%%" y1="100%%" y2="100%%"/>`)
	bar := 1 / float64(max(len(bins), 6))
	every := int(math.Max(1, nice(float64(len(bins)*width)/10)/float64(width)))
	for i, n := range bins {
		name := h.binName(i, width)
		share := float64(n) / float64(total)
		c.add(`<rect class="bar c0" x="%s" y="%s" width="%s" height="%s"><title>%s %s: %s updates, %s</title></rect>`,
			percent((float64(i)+0.06)*bar), percent(1-y.at(share)), percent(bar*0.88), percent(y.at(share)), html.EscapeString(h.X), name, Count(n), Percent(share))
		if i%every == 0 {
			c.text(percent((float64(i)+0.5)*bar), "100%", `dy="18" class="tick mid"`, Count(uint64(i*width)))
		}
	}
	c.text("50%", "100%", `dy="37" class="title mid"`, h.X)
	return frame(h.Label, barsHeight, left, true, c.String())
}

func (h Histogram) binName(i, width int) string {
	first, last := i*width, min((i+1)*width, len(h.Counts))-1
	switch {
	case h.Open && last == len(h.Counts)-1:
		return Count(uint64(first)) + " and more"
	case first == last:
		return Count(uint64(first))
	}
	return Count(uint64(first)) + " to " + Count(uint64(last))
}

// Stack is one horizontal bar that is divided into parts.
type Stack struct {
	Label string
	Parts []Part
}

// Part is a part of a Stack.
type Part struct {
	Name  string
	Value float64
	Color int
	Text  string // the value in words
}

// SVG draws the bar. The page lists the parts beside it.
func (s Stack) SVG() template.HTML {
	total := 0.0
	for _, p := range s.Parts {
		if !(p.Value >= 0) || math.IsInf(p.Value, 0) {
			return ""
		}
		total += p.Value
	}
	if total == 0 {
		return ""
	}
	var c canvas
	x := 0.0
	for _, p := range s.Parts {
		share := p.Value / total
		c.add(`<rect class="bar c%d" x="%s" y="0" width="%s" height="100%%"><title>%s: %s</title></rect>`, p.Color%8, percent(x), percent(share), html.EscapeString(p.Name), html.EscapeString(p.Text))
		x += share
	}
	return template.HTML(`<svg class="chart stack" role="img" aria-label="` + html.EscapeString(s.Label) + `" width="100%" height="22">` + c.String() + `</svg>`)
}
