package kinds

import (
	"context"
	"slices"
	"testing"

	"weir/config"
	"weir/problem"
	"weir/problem/none"
)

func TestOpen(t *testing.T) {
	c := config.Default()
	opened, err := Open(c, "")
	if p, ok := opened.(problem.Problem[float32]); err != nil || !ok || p.Clients() != c.Clients.Count {
		t.Errorf("learn: %T, %v", opened, err)
	}
	c.Problem.Kind = "none"
	c.Problem.Dim = 5
	opened, err = Open(c, "")
	p, ok := opened.(problem.Problem[float32])
	if err != nil || !ok || p.Clients() != c.Clients.Count || p.Dim() != 5 || p.Samples(7) != 1 || p.Evaluate(nil, problem.Sequential) != nil {
		t.Fatalf("none: %T, %v", opened, err)
	}
	x, delta := []float32{1, 1, 1, 1, 1}, []float32{1, 1, 1, 1, 1}
	p.Start(x)
	report, err := p.Operator().Work(context.Background(), problem.Round{}, x, delta)
	noise := make([]float32, 5)
	none.Noise(noise, 0)
	if zero := make([]float32, 5); err != nil || !slices.Equal(x, zero) || !slices.Equal(delta, noise) || slices.Equal(delta, zero) || report.Loss != 0 {
		t.Errorf("none starts at %v and moves by %v, %+v, %v", x, delta, report, err)
	}
	c.Problem.Kind, c.Problem.File = "quadratic", "missing.json"
	if _, err = Open(c, ""); err == nil || err.Error() != `problem.file: "missing.json": no such file or directory` {
		t.Errorf("quadratic: %v", err)
	}
	c.Problem.Kind = "cubic"
	if _, err = Open(c, ""); err == nil || err.Error() != `problem.kind: "cubic": must be one of learn, waterfill, quadratic, none` {
		t.Errorf("an unknown kind: %v", err)
	}
}
