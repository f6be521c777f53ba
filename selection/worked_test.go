package selection

import (
	"math"
	"testing"
)

// The worked example of ALGORITHMS.md 4.1: losses 2, 1, 1.5, .5; the model moves along (1, 0), the last updates were
// (1, 1), (-1, 0), (0, 2) and client 3's is unknown; chosen 3, 1, 0, 0 times; round 5, last chosen in 4, 2, never, never.
func worked() (Situation, []uint32) {
	direction := Direction[float64]{1, 0}
	return Situation{Round: 5, Progress: 0.05, Clients: []Client{
		{Samples: 1, Loss: 2, Chosen: 3, Last: 4, Cosine: direction.Cosine([]float64{1, 1}), Duration: 1},
		{Samples: 1, Loss: 1, Chosen: 1, Last: 2, Cosine: direction.Cosine([]float64{-1, 0}), Duration: 1},
		{Samples: 1, Loss: 1.5, Cosine: direction.Cosine([]float64{0, 2}), Duration: 1},
		{Samples: 1, Loss: 0.5, Cosine: Unknown(), Duration: Unknown()},
	}}, []uint32{0, 1, 2, 3}
}

func published() Config {
	c := DefaultConfig()
	c.Kind, c.Combine, c.Value, c.Temperature = "heteroselect", "additive", "loss", 1
	c.Weights = Weights{Value: 1, Diversity: 0.3, Fairness: 0.2, Staleness: 0.2}
	return c
}

func TestHeteroSelectWorked(t *testing.T) {
	h := heteroSelect{Config: published()}
	s, ids := worked()
	h.scorer.measure(s, ids, h.Value)
	h.scorer.add(h.Weights.list())
	h.softmax(h.temperature(s.Progress))
	total := 0.0
	for _, c := range h.chances {
		total += c
	}
	for i := range h.chances {
		h.chances[i] /= total
	}
	near(t, "V", h.scorer.parts[Value], []float64{1, 1.0 / 3, 2.0 / 3, 0})
	near(t, "D", h.scorer.parts[Diversity], []float64{1 - math.Sqrt(0.5), 1, 1, 0.5})
	near(t, "F", h.scorer.parts[Fairness], []float64{-1, 0, 1, 1})
	near(t, "S", h.scorer.parts[Staleness], []float64{0, 0.63093, 1, 1})
	near(t, "score", h.scorer.scores, []float64{0.413716, 0.256554, 1, 0})
	near(t, "temperature", []float64{h.temperature(s.Progress)}, []float64{0.975})
	near(t, "P", h.chances, []float64{0.230954, 0.196572, 0.421381, 0.151093})
}

// The worked example of ALGORITHMS.md 4.2: t = 10, rewards 3, 1, 2, durations 10, 40, 20, last chosen in 9, 2, 5. The
// pacer prefers the fastest 30% of three durations: up to 10.
func TestOortWorked(t *testing.T) {
	o := oort{penalty: 2}
	s := Situation{Round: 10, Clients: []Client{
		{Samples: 1, RMS: 3, Duration: 10, Last: 9},
		{Samples: 1, RMS: 1, Duration: 40, Last: 2},
		{Samples: 1, RMS: 2, Duration: 20, Last: 5},
	}}
	ids := []uint32{0, 1, 2}
	o.sort(s, ids, 1)
	if got := o.preferred(s.Pace); got != 10 {
		t.Fatalf("prefers up to %v s, want 10", got)
	}
	o.score(s)
	near(t, "utility", o.scores, []float64{1.159951, 0.021238, 0.178712})
}

func near(t *testing.T, what string, got, want []float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %v, want %v", what, got, want)
	}
	for i := range got {
		if !(math.Abs(got[i]-want[i]) < 1e-6) {
			t.Errorf("%s: %v, want %v", what, got, want)
			return
		}
	}
}
