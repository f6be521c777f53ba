package learn

import (
	"math"
	"testing"
	"time"

	"weir/config"
	"weir/problem"
)

func TestA9A(t *testing.T) {
	c := config.Default()
	c.Problem = config.Problem{Kind: "learn", Dataset: "a9a", Model: config.Model{Kind: "logistic"}, Partition: config.Partition{Kind: "sorted"}, L2: 1e-3}
	c.Clients.Count = 10
	c.Local.Batch, c.Local.Epochs, c.Local.Steps = 0, 0, 1
	p, err := Open(c, dataFolder(t, "a9a"))
	if err != nil {
		t.Fatal(err)
	}
	L := p.Smoothness()
	p.local.LR = 1 / L
	t.Log(p.Describe(), L)
	b := time.Now()
	rounds(t, p, 2001, 10, 1, func(round int, m problem.Metrics) {
		if round%200 == 0 || round == 1 || round == 10 || round == 100 {
			t.Log(round, m)
		}
	})
	t.Log(time.Since(b))
	_ = math.Pi
}
