package learn

import (
	"context"
	"fmt"
	"testing"

	"weir/config"
	"weir/problem"
)

// BenchmarkStep is one step on 20 images: a whole round of a client, from base model to difference.
func BenchmarkStep(b *testing.B) {
	dir := dataFolder(b, "fashion-mnist")
	for _, model := range []config.Model{{Kind: "logistic"}, {Kind: "mlp", Hidden: []int{200}}, {Kind: "cnn"}} {
		c := fashion(1)
		c.Problem.Model, c.Problem.Partition.Kind = model, "iid"
		c.Clients.Count = 3000
		c.Local.Batch, c.Local.Epochs, c.Local.Steps = 0, 0, 1
		benchmarkWork(b, c, dir)
	}
}

// BenchmarkEpoch is a round of a client with 600 images in batches of 32.
func BenchmarkEpoch(b *testing.B) {
	c := fashion(1)
	c.Problem.Partition.Kind = "iid"
	benchmarkWork(b, c, dataFolder(b, "fashion-mnist"))
}

func benchmarkWork(b *testing.B, c config.Config, dir string) {
	b.Helper()
	p, err := Open(c, dir)
	if err != nil {
		b.Fatal(err)
	}
	b.Run(fmt.Sprintf("%s-%d", c.Problem.Model.Kind, p.Dim()), func(b *testing.B) {
		x, delta := make([]float32, p.Dim()), make([]float32, p.Dim())
		p.Start(x)
		o := p.Operator()
		steps := 0
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			report, err := o.Work(context.Background(), problem.Round{Client: i % p.Clients(), Seed: uint64(i)}, x, delta)
			if err != nil {
				b.Fatal(err)
			}
			steps += report.Steps
		}
		b.ReportMetric(float64(steps)/b.Elapsed().Seconds(), "steps/s")
	})
}

// BenchmarkEvaluate measures a model on all 10,000 test images.
func BenchmarkEvaluate(b *testing.B) {
	p, err := Open(fashion(1), dataFolder(b, "fashion-mnist"))
	if err != nil {
		b.Fatal(err)
	}
	x := make([]float32, p.Dim())
	p.Start(x)
	b.ReportAllocs()
	for b.Loop() {
		p.Evaluate(x, problem.Sequential)
	}
}
