package waterfill

import (
	"fmt"
	"math"

	"weir/problem/jsonfile"
)

// file is the JSON form of a game of Q users on K carriers. JSON has no infinity: null in a mask is no bound.
type file struct {
	Gain   [][][]float64 `json:"gain"`            // [Q][Q][K]: receiver, transmitter, carrier
	Noise  [][]float64   `json:"noise"`           // [Q][K]
	Budget []float64     `json:"budget"`          // [Q]
	Mask   [][]*float64  `json:"mask,omitempty"`  // [Q][K]
	Start  [][]float64   `json:"start,omitempty"` // [Q][K]
}

// example is what a complaint shows of the format.
const example = `{"gain": [[[1,1],[.5,.25]],[[.25,.5],[1,1]]], "noise": [[.1,.5],[.5,.1]], "budget": [1,1]}`

// Read reads the game in a JSON file:
//
//	{"gain": [Q][Q][K], "noise": [Q][K], "budget": [Q], "mask": [Q][K] (optional), "start": [Q][K] (optional)}
//
// with gain by receiver, transmitter and carrier. Errors name the entry at fault.
func Read(path string) (*Game, error) {
	text, err := jsonfile.Read(path)
	if err != nil {
		return nil, err
	}
	return Parse(text)
}

// Parse reads a game from JSON, as Read.
func Parse(text []byte) (*Game, error) {
	var f file
	if err := jsonfile.Decode(text, &f, example); err != nil {
		return nil, err
	}
	return f.game()
}

func (f *file) game() (*Game, error) {
	c := Channel{Users: len(f.Gain), Noise: f.Noise, Budget: f.Budget, Start: f.Start}
	for q, rows := range f.Gain {
		if len(rows) != c.Users {
			return nil, fmt.Errorf("gain[%d]: has %d transmitters, not %d as gain has receivers", q, len(rows), c.Users)
		}
		for r, row := range rows {
			if row == nil {
				return nil, fmt.Errorf("gain[%d][%d]: is null: must be a number for each carrier", q, r)
			}
		}
	}
	if c.Users > 0 {
		c.Carriers = len(f.Gain[0][0])
	}
	c.Gain = func(receiver, transmitter int) []float64 { return f.Gain[receiver][transmitter] }
	for _, row := range f.Mask {
		mask := make([]float64, len(row))
		for k, v := range row {
			mask[k] = math.Inf(1)
			if v != nil {
				mask[k] = *v
			}
		}
		c.Mask = append(c.Mask, mask)
	}
	return New(c)
}

// AppendJSON adds the game to dst as Read reads it, one row of carriers a line, each number with as many digits as
// given, or all that it takes to read back the same for 0.
func (g *Game) AppendJSON(dst []byte, digits int) []byte {
	row := make([]float64, g.Carriers)
	rows := func(name string, n int, row func(int) []float64) {
		dst = append(dst, ",\n \""+name+"\": ["...)
		for q := range n {
			dst = separate(dst, q, "  ")
			dst = appendRow(dst, row(q), digits)
		}
		dst = append(dst, ']')
	}
	dst = append(dst, "{\"gain\": ["...)
	for q := range g.Users {
		dst = append(separate(dst, q, "  "), '[')
		next := 0
		for r := range g.Users {
			clear(row)
			switch hears := g.hears[q]; {
			case r == q:
				copy(row, g.direct[q])
			case next < len(hears) && hears[next].from == r:
				for k, v := range hears[next].gain {
					row[k] = v * g.direct[q][k]
				}
				next++
			}
			dst = appendRow(separate(dst, r, "   "), row, digits)
		}
		dst = append(dst, ']')
	}
	dst = append(dst, ']')
	rows("noise", g.Users, func(q int) []float64 {
		for k, v := range g.noise[q] {
			row[k] = v * g.direct[q][k]
		}
		return row
	})
	dst = appendRow(append(dst, ",\n \"budget\": "...), g.budget, digits)
	bounded := false
	for _, mask := range g.mask {
		bounded = bounded || mask != nil
	}
	if bounded {
		rows("mask", g.Users, func(q int) []float64 {
			for k := range row {
				row[k] = math.Inf(1)
			}
			copy(row, g.mask[q])
			return row
		})
	}
	if g.start != nil {
		rows("start", g.Users, func(q int) []float64 { return g.start[q] })
	}
	return append(dst, "}\n"...)
}

// separate begins element i of a list on a line of its own.
func separate(dst []byte, i int, indent string) []byte {
	if i > 0 {
		dst = append(dst, ',')
	}
	return append(append(dst, '\n'), indent...)
}

func appendRow(dst []byte, row []float64, digits int) []byte {
	dst = append(dst, '[')
	for k, v := range row {
		if k > 0 {
			dst = append(dst, ',')
		}
		switch {
		case math.IsInf(v, 1):
			dst = append(dst, "null"...)
		case digits == 0:
			dst = fmt.Appendf(dst, "%v", v)
		default:
			dst = fmt.Appendf(dst, "%.*g", digits, v)
		}
	}
	return append(dst, ']')
}
