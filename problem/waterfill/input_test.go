package waterfill

import (
	"bytes"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
)

// Every fault is named with the entry at fault.
func TestWrongGames(t *testing.T) {
	const noise, budget = `, "noise": [[1,1],[1,1]]`, `, "budget": [1,1]`
	const rest = noise + budget
	for text, want := range map[string]string{
		``:                "must be JSON such as " + example + ": EOF",
		"{\n\"gain\": [}": "line 2: invalid character '}' looking for beginning of value",
		`{"gian": []}`:    "must be JSON such as " + example + `: json: unknown field "gian"`,
		`{"gain": []}`:    "gain: has no users: must be [Q][Q][K] with Q at least 1",
		`{"gain": [[[]]], "noise": [[]], "budget": [1]}`:                                                     "gain[0][0]: has no carriers: must be [Q][Q][K] with K at least 1",
		`{"gain": [[[1]]], "noise": [[1]], "budget": [1]} {}`:                                                "has more after the JSON document",
		`{"gain": [[[1,1],[0,0]]]` + rest + `}`:                                                              "gain[0]: has 2 transmitters, not 1 as gain has receivers",
		`{"gain": [[[1,1],[0,0]],[[0,0]]]` + rest + `}`:                                                      "gain[1]: has 1 transmitters, not 2 as gain has receivers",
		`{"gain": [[[1,1],null],[[0,0],[1,1]]]` + rest + `}`:                                                 "gain[0][1]: is null: must be a number for each carrier",
		`{"gain": [[[1,1],[0]],[[0,0],[1,1]]]` + rest + `}`:                                                  "gain[0][1]: has 1 carriers, not 2 as gain[0][0]",
		`{"gain": [[[1,1],[0,-2]],[[0,0],[1,1]]]` + rest + `}`:                                               "gain[0][1][1]: -2: must not be negative",
		`{"gain": [[[1,1],[0,NaN]],[[0,0],[1,1]]]` + rest + `}`:                                              "line 1: invalid character 'N' looking for beginning of value",
		`{"gain": [[[1,1],[0,0]],[[0,0],[1,0]]]` + rest + `}`:                                                "gain[1][1][1]: 0: the direct gain must be above 0 (a carrier that user 1 cannot use has mask 0)",
		`{"gain": [[[1e-300,1],[1e300,0]],[[0,0],[1,1]]]` + rest + `}`:                                       "gain[0][0][0]: 1e-300: is too small beside gain[0][1][0]",
		`{"gain": [[[1,1],[0,0]],[[0,0],[1,1]]]` + budget + `}`:                                              "noise: has 0 users, not 2 as gain",
		`{"gain": [[[1,1],[0,0]],[[0,0],[1,1]]], "noise": [[1,1],[1]]` + budget + `}`:                        "noise[1]: has 1 carriers, not 2 as gain[0][0]",
		`{"gain": [[[1,1],[0,0]],[[0,0],[1,1]]], "noise": [[1,1],[1,0]]` + budget + `}`:                      "noise[1][1]: 0: must be above 0, or the rate has no bound",
		`{"gain": [[[1,1],[0,0]],[[0,0],[1,1]]], "noise": [[1,-1],[1,1]]` + budget + `}`:                     "noise[0][1]: -1: must not be negative",
		`{"gain": [[[1,1],[0,0]],[[0,0],[1,1]]]` + noise + `}`:                                               "budget: has 0 users, not 2 as gain",
		`{"gain": [[[1,1],[0,0]],[[0,0],[1,1]]]` + noise + `, "budget": [1,-1]}`:                             "budget[1]: -1: must not be negative",
		`{"gain": [[[1,1],[0,0]],[[0,0],[1,1]]]` + rest + `, "mask": [[1,1]]}`:                               "mask: has 1 users, not 2 as gain",
		`{"gain": [[[1,1],[0,0]],[[0,0],[1,1]]]` + rest + `, "mask": [[1,1],[1]]}`:                           "mask[1]: has 1 carriers, not 2 as gain[0][0]",
		`{"gain": [[[1,1],[0,0]],[[0,0],[1,1]]]` + rest + `, "mask": [[1,1],[null,-1]]}`:                     "mask[1][1]: -1: must not be negative (null is no bound)",
		`{"gain": [[[1,1],[0,0]],[[0,0],[1,1]]]` + rest + `, "start": [[1,1]]}`:                              "start: has 1 users, not 2 as gain",
		`{"gain": [[[1,1],[0,0]],[[0,0],[1,1]]]` + rest + `, "start": [[0,0],[1,1]]}`:                        "start[1]: sums to 2: must not be above budget[1], which is 1",
		`{"gain": [[[1,1],[0,0]],[[0,0],[1,1]]]` + rest + `, "start": [[0,0],[0,-1]]}`:                       "start[1][1]: -1: must not be negative",
		`{"gain": [[[1,1],[0,0]],[[0,0],[1,1]]], "mask": [[1,0],[1,1]]` + rest + `, "start": [[0,1],[0,0]]}`: "start[0][1]: 1: must not be above mask[0][1], which is 0",
	} {
		if _, err := Parse([]byte(text)); err == nil || err.Error() != want {
			t.Errorf("%s\ngot  %v\nwant %s", text, err, want)
		}
	}
	one := func(v float64) Channel { // what JSON cannot say
		return Channel{
			Users: 1, Carriers: 1, Gain: func(int, int) []float64 { return []float64{v} },
			Noise: [][]float64{{v}}, Budget: []float64{v},
		}
	}
	for want, v := range map[string]float64{"noise[0][0]: NaN: must be a finite number": math.NaN(), "noise[0][0]: +Inf: must be a finite number": math.Inf(1)} {
		if _, err := New(one(v)); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
	c := one(1)
	c.Gain = func(int, int) []float64 { return []float64{math.NaN()} }
	if _, err := New(c); err == nil || err.Error() != "gain[0][0][0]: NaN: must be a finite number" {
		t.Errorf("%v", err)
	}
	c.Gain = func(int, int) []float64 { return nil }
	if _, err := New(c); err == nil || err.Error() != "gain[0][0]: is missing: every receiver must hear its own transmitter" {
		t.Errorf("%v", err)
	}
	if _, err := Read(filepath.Join(t.TempDir(), "game.json")); err == nil || err.Error() != "no such file or directory" {
		t.Errorf("%v", err)
	}
}

// A budget above the masks is no fault: the user sends at its mask.
func TestBudgetAboveTheMasks(t *testing.T) {
	g := parse(t, `{"gain": [[[1,1],[0,0]],[[0,0],[1,1]]], "noise": [[1,1],[1,1]], "budget": [3,1], "mask": [[1,2],[null,null]]}`)
	if got := g.Saturated(); !slices.Equal(got, []int{0}) {
		t.Errorf("saturated users %v, want [0]", got)
	}
	powers := trace(t, g, DefaultOptions(), 1)
	wantAll(t, "powers", powers[len(powers)-1], []float64{1, 2, .5, .5}, exact)
}

// A game that is written reads back the same.
func TestGamesReadBack(t *testing.T) {
	for seed := range uint64(20) {
		g := drawGame(t, seed, 1+int(seed)%4, 1+int(seed)%5)
		again, err := Parse(g.AppendJSON(nil, 0))
		if err != nil {
			t.Fatal(err)
		}
		if !mat.EqualApprox(g.Lipschitz(), again.Lipschitz(), 1e-14*mat.Max(g.Lipschitz())) {
			t.Errorf("game %d reads back with other gains", seed)
		}
		for q := range g.Users {
			wantAll(t, "start", again.start[q], g.start[q], 0)
			if (g.mask[q] == nil) != (again.mask[q] == nil) || again.budget[q] != g.budget[q] {
				t.Errorf("game %d reads back with another budget or mask", seed)
			}
			for k, v := range again.noise[q] {
				if math.Abs(v-g.noise[q][k]) > 1e-14*v {
					t.Errorf("game %d reads back with other noise", seed)
				}
			}
			if g.mask[q] != nil && !slices.Equal(g.mask[q], again.mask[q]) {
				t.Errorf("game %d reads back with other masks", seed)
			}
		}
	}
	g := parse(t, workedGame)
	if text := g.AppendJSON(nil, 3); !bytes.Contains(text, []byte(`[0.5,0.25]`)) || bytes.Contains(text, []byte(`mask`)) {
		t.Errorf("%s", text)
	}
}

func TestGenerators(t *testing.T) {
	for _, kind := range GeneratorKinds() {
		c := Generator{Kind: kind, Users: 30, Carriers: 64, Cross: .25, Seed: 7}
		g, err := c.Draw()
		if err != nil {
			t.Fatal(err)
		}
		again, _ := c.Draw()
		c.Seed++
		other, _ := c.Draw()
		if !mat.Equal(g.Lipschitz(), again.Lipschitz()) || mat.Equal(g.Lipschitz(), other.Lipschitz()) {
			t.Errorf("%s: the seed does not decide what is drawn", kind)
		}
		var own, crossed []float64
		for q := range g.Users {
			own = append(own, g.direct[q]...)
			for _, l := range g.hears[q] {
				for k, v := range l.gain {
					crossed = append(crossed, v*g.direct[q][k])
				}
			}
		}
		if mean := stat.Mean(own, nil); math.Abs(mean-1) > .15 {
			t.Errorf("%s: direct gains have the mean %v, want 1", kind, mean)
		}
		if mean := stat.Mean(crossed, nil); kind != Cells && math.Abs(mean-.25) > .02 {
			t.Errorf("%s: cross gains have the mean %v, want .25", kind, mean)
		}
	}
}

// With echoes, gains of carriers side by side are alike; with independent fading they are not.
func TestTapsVarySmoothly(t *testing.T) {
	neighbours := func(kind string) float64 {
		g, err := Generator{Kind: kind, Users: 40, Carriers: 128, Cross: 1, Seed: 1}.Draw()
		if err != nil {
			t.Fatal(err)
		}
		var a, b []float64
		for q := range g.Users {
			a, b = append(a, g.direct[q][:127]...), append(b, g.direct[q][1:]...)
		}
		return stat.Correlation(a, b, nil)
	}
	if c := neighbours(Taps); c < .9 {
		t.Errorf("taps: correlation %v", c)
	}
	if c := neighbours(Rayleigh); math.Abs(c) > .1 {
		t.Errorf("rayleigh: correlation %v", c)
	}
}

// In cells the nearest transmitters are heard best.
func TestCellsFallWithDistance(t *testing.T) {
	c := Generator{Kind: Cells, Users: 36, Carriers: 256, Seed: 1}
	g, err := c.Draw()
	if err != nil {
		t.Fatal(err)
	}
	near, far := 0.0, 0.0
	for _, l := range g.hears[0] { // cell 0 is a corner; 1 is beside it, 35 the corner opposite
		for k, v := range l.gain {
			switch l.from {
			case 1:
				near += v * g.direct[0][k]
			case 35:
				far += v * g.direct[0][k]
			}
		}
	}
	if near < 100*far {
		t.Errorf("the next cell is heard with %v, the furthest with %v", near, far)
	}
}

func TestNeighbours(t *testing.T) {
	g, err := Generator{Kind: Rayleigh, Users: 10, Carriers: 2, Cross: 1, Neighbours: 3, Seed: 1}.Draw()
	if err != nil {
		t.Fatal(err)
	}
	for q, hears := range g.hears {
		var from []int
		for _, l := range hears {
			from = append(from, l.from)
		}
		want := []int{(q + 1) % 10, (q + 2) % 10, (q + 9) % 10}
		slices.Sort(want)
		if !slices.Equal(from, want) {
			t.Errorf("user %d hears %v, want %v", q, from, want)
		}
	}
	for want, c := range map[string]Generator{
		"must be one of rayleigh, cells, taps": {Kind: "fog", Users: 1, Carriers: 1},
		"0 users on 1 carriers":                {Kind: Taps, Carriers: 1},
		"2 neighbours: must be between 0":      {Kind: Taps, Users: 2, Carriers: 1, Neighbours: 2},
		"cross gain NaN":                       {Kind: Taps, Users: 1, Carriers: 1, Cross: math.NaN()},
	} {
		if _, err := c.Draw(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestWrongOptions(t *testing.T) {
	opt := Options{Schedule: "random", Relax: 2, Tol: -1, Max: -1, Delay: -1, Pause: 2, Measurement: Measurement{Noise: -1}}
	err := opt.Validate()
	for _, want := range []string{
		`schedule: "random": must be one of sequential, simultaneous, async`, "relax: 2: must be above 0 and at most 1", "tol: -1: must be above 0",
		"iterations: -1", "delay: -1", "pause: 2: must be a chance", "measurement noise -1: must not be negative",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v\nwants %s", err, want)
		}
	}
	if err := (Measurement{Share: math.NaN()}).Validate(); err == nil {
		t.Error("a share that is not a number is taken")
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(workedGame))
	f.Add([]byte(`{"gain": [[[1,1]]], "noise": [[1,1]], "budget": [3], "mask": [[null,1]], "start": [[0,1]]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		g, err := Parse(text)
		if err != nil || g.Users*g.Carriers > 1000 {
			return
		}
		p := g.Start()
		s := newStation(g)
		for q := range g.Users {
			s.answer(g.Block(p, q), q, p)
			for _, v := range g.Block(p, q) {
				if !(v >= 0) {
					t.Errorf("power %v", v)
				}
			}
		}
	})
}
