package compress

import (
	"math"
	"testing"

	"weir/vec"
)

// run is synchronous distributed gradient descent through encoder, frames and server memory: x -= lr * mean of what the
// clients' updates decode to.
type run struct {
	t       testing.TB
	codec   *Codec[float64]
	encoder *Encoder[float64]
	clients []*Memory[float64]
	mirrors []*Mirror[float64]
	x       []float64
	mean    []float64 // memory mean: H
	seq     uint64
}

func newRun(t testing.TB, clients int, x0 []float64, set func(*Config)) *run {
	c := codec[float64](t, len(x0), set)
	r := &run{t: t, codec: c, encoder: c.NewEncoder(), x: append([]float64(nil), x0...), mean: make([]float64, len(x0))}
	for range clients {
		r.clients = append(r.clients, c.NewMemory(0))
		r.mirrors = append(r.mirrors, c.NewMirror())
	}
	return r
}

// step does one round with the gradient of each client at x.
func (r *run) step(lr float64, gradient func(client int, x []float64) []float64) {
	r.seq++
	sum := make([]float64, len(r.x))
	if r.codec.Mean() {
		sum = r.mean
	}
	for i, m := range r.clients {
		update, _, err := r.encoder.Encode(nil, ID{Client: uint32(i), Seq: r.seq, Base: r.seq - 1}, m, gradient(i, r.x))
		if err != nil {
			r.t.Fatal(err)
		}
		r.decode(sum, 1/float64(len(r.clients)), i, update)
	}
	vec.Axpy(r.x, -lr, sum)
}

func (r *run) decode(sum []float64, weight float64, client int, update []byte) {
	if _, err := r.codec.Check(update); err != nil {
		r.t.Fatal(err)
	}
	for len(update) > 0 {
		f, rest, err := r.codec.Parse(update)
		if err != nil {
			r.t.Fatal(err)
		}
		if r.codec.Mirrored() {
			r.codec.Advance(r.mirrors[client], sum, weight, f)
		} else {
			r.codec.Add(sum, weight, f)
		}
		update = rest
	}
}

func rule1(feedback string) func(*Config) {
	return func(c *Config) { c.Kind, c.K, c.Feedback, c.Eta, c.Momentum = "topk", 1, feedback, 0.25, 0.5 }
}

// quadratic is f_i = ||x-c_i||^2/2 of ALGORITHMS.md 1.2.
func quadratic(i int, x []float64) []float64 {
	c := [][]float64{{3, 1, 0}, {-1, 2, 4}}[i]
	return []float64{x[0] - c[0], x[1] - c[1], x[2] - c[2]}
}

func near(t *testing.T, what string, got, want []float64) {
	t.Helper()
	for i := range want {
		if math.Abs(got[i]-want[i]) > 1e-12 {
			t.Errorf("%s: %v, want %v", what, got, want)
			return
		}
	}
}

// The worked example: Top-1, lr 1/2, x_0 = 0, eta 1/4, m 1/2, h_0 = 0.
func TestWorkedExample(t *testing.T) {
	type xs [3][]float64
	for _, tt := range []struct {
		feedback string
		want     xs
	}{
		{"none", xs{{3. / 4, 0, 1}, {21. / 16, 0, 7. / 4}, {47. / 64, 0, 21. / 16}}},
		{"ec", xs{{3. / 4, 0, 1}, {21. / 16, 1, 1}, {21. / 16, 3. / 2, 5. / 2}}},
		{"ef21", xs{{3. / 4, 0, 1}, {3. / 2, 3. / 4, 2}, {13. / 8, 3. / 2, 5. / 2}}},
		{"ef21m", xs{{3. / 4, 0, 1}, {3. / 2, 3. / 4, 2}, {113. / 64, 3. / 2, 43. / 16}}},
		{"econtrol", xs{{3. / 4, 0, 1}, {3. / 2, 15. / 16, 2}, {93. / 64, 15. / 8, 39. / 16}}},
	} {
		for _, memory := range []string{"per-client", "mean"} {
			r := newRun(t, 2, make([]float64, 3), func(c *Config) {
				rule1(tt.feedback)(c)
				c.Memory = memory
			})
			for step, want := range tt.want {
				r.step(0.5, quadratic)
				near(t, tt.feedback+", memory "+memory, r.x, want)
				if tt.feedback == "econtrol" && step < 2 {
					e := [][][]float64{{{0, -1, 0}, {1, -2, 0}}, {{3. / 4, -3. / 4, 1}, {11. / 4, -3. / 2, 1}}}[step]
					h := [][][]float64{{{-3, 0, 0}, {0, 0, -4}}, {{-3, -5. / 4, 0}, {0, -5. / 2, -4}}}[step]
					for i, m := range r.clients {
						near(t, "e", m.Owed(), e[i])
						near(t, "h", m.Estimate(), h[i])
					}
				}
			}
		}
	}
}

func TestWorkedExampleFromKnownGradients(t *testing.T) {
	r := newRun(t, 2, make([]float64, 3), rule1("econtrol"))
	for i, m := range r.clients {
		m.h = quadratic(i, r.x)
		copy(r.mirrors[i].h, m.h)
	}
	for _, want := range [][]float64{{1. / 2, 3. / 4, 1}, {1, 3. / 2, 3. / 2}, {3. / 2, 45. / 32, 2}} {
		r.step(0.5, quadratic)
		near(t, "econtrol, h_0 = g_0", r.x, want)
	}
}

// Over 4000 steps ec stalls at a distance that goes with the rate; the rules that estimate g arrive.
func TestErrorFeedbackStallsAndEstimatesArrive(t *testing.T) {
	optimum := []float64{1, 1.5, 2}
	distance := func(feedback string, lr float64) float64 {
		r := newRun(t, 2, make([]float64, 3), rule1(feedback))
		worst := 0.0
		for step := range 4000 {
			r.step(lr, quadratic)
			if step >= 3900 {
				d := []float64{r.x[0] - optimum[0], r.x[1] - optimum[1], r.x[2] - optimum[2]}
				worst = max(worst, math.Sqrt(vec.Norm2(d)))
			}
		}
		return worst
	}
	for lr, want := range map[float64]float64{0.3: 0.427, 0.1: 0.206, 0.01: 0.0144} {
		if got := distance("ec", lr); got < want/2 || got > 2*want {
			t.Errorf("ec at rate %v is %.3g away, want about %v", lr, got, want)
		}
	}
	for _, feedback := range []string{"ef21", "ef21m", "econtrol"} {
		if got := distance(feedback, 0.1); got > 1e-13 {
			t.Errorf("%s is %.3g away, want 2e-14", feedback, got)
		}
	}
}

// Naive compression diverges: with none, Top-1 multiplies x by exactly 1 + 11 lr/6 a step.
func TestNaiveCompressionDiverges(t *testing.T) {
	a := [][]float64{{-3, 2, 2}, {2, -3, 2}, {2, 2, -3}}
	gradient := func(i int, x []float64) []float64 {
		dot := a[i][0]*x[0] + a[i][1]*x[1] + a[i][2]*x[2]
		g := make([]float64, 3)
		for j := range g {
			g[j] = 2*dot*a[i][j] + x[j]/2
		}
		return g
	}
	const lr = 0.01
	r := newRun(t, 3, []float64{1, 1, 1}, rule1("none"))
	for step := 1; step <= 100; step++ {
		r.step(lr, gradient)
		want := math.Pow(1+11*lr/6, float64(step))
		for _, v := range r.x {
			if math.Abs(v/want-1) > 1e-10 {
				t.Fatalf("step %d: %v, want all %v", step, r.x, want)
			}
		}
	}
	for _, feedback := range []string{"ec", "ef21", "econtrol"} {
		r := newRun(t, 3, []float64{1, 1, 1}, rule1(feedback))
		for range 4000 {
			r.step(lr, gradient)
		}
		if norm := math.Sqrt(vec.Norm2(r.x)); norm > 5e-8 {
			t.Errorf("%s ends at %.3g, want below 5e-8", feedback, norm)
		}
	}
}

// Worked compressors: v = (3,-1,2,0).
func TestWorkedCompressors(t *testing.T) {
	v := []float64{3, -1, 2, 0}
	for _, tt := range []struct {
		kind        string
		want        []float64
		contraction float64
	}{
		{"topk", []float64{3, 0, 2, 0}, 13. / 14},
		{"sign", []float64{1.5, -1.5, 1.5, 0}, 0},
		{"identity", v, 1},
	} {
		c := codec[float64](t, 4, func(c *Config) { c.Kind, c.K = tt.kind, 2 })
		update, stats, err := c.NewEncoder().Encode(nil, ID{}, nil, v)
		if err != nil {
			t.Fatal(err)
		}
		got := decode(t, c, update)
		near(t, tt.kind, got, tt.want)
		lost := 0.0
		for i := range v {
			lost += square(v[i] - got[i])
		}
		if want := 1 - lost/14; math.Abs(stats.Contraction-want) > 1e-12 || tt.contraction > 0 && math.Abs(want-tt.contraction) > 1e-12 {
			t.Errorf("%s: contraction %v, want %v", tt.kind, stats.Contraction, want)
		}
	}
}
