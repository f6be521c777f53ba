package learn

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"weir/config"
	"weir/problem"
	"weir/vec"
)

// dataFolder is where the real data sets lie: WEIR_DATA, or ../shared/data beside the module. It skips the test
// when the named set is not there.
func dataFolder(tb testing.TB, set string) string {
	tb.Helper()
	dir := os.Getenv("WEIR_DATA")
	if dir == "" {
		dir = "../../../shared/data"
	}
	if _, err := os.Stat(filepath.Join(dir, set)); err != nil {
		tb.Skipf("needs the data set %s in %s (set WEIR_DATA to where data sets lie)", set, dir)
	}
	return dir
}

// rounds runs FedAvg: each round, that many clients drawn at random work on the model, and their updates are weighted
// by their data.
func rounds(tb testing.TB, p *Problem, n, clients int, seed uint64, after func(round int, m problem.Metrics)) {
	tb.Helper()
	random := rand.New(rand.NewPCG(seed, 1))
	x, delta, sum := make([]float32, p.Dim()), make([]float32, p.Dim()), make([]float32, p.Dim())
	p.Start(x)
	o := p.Operator()
	for round := range n {
		clear(sum)
		chosen := random.Perm(p.Clients())[:clients]
		total := 0
		for _, c := range chosen {
			total += p.Samples(c)
		}
		for _, c := range chosen {
			if _, err := o.Work(context.Background(), problem.Round{Client: c, Seed: random.Uint64()}, x, delta); err != nil {
				tb.Fatal(err)
			}
			vec.Axpy(sum, float32(p.Samples(c))/float32(total), delta)
		}
		vec.Axpy(x, -1, sum)
		after(round, p.Evaluate(x, problem.Sequential))
	}
}

func fashion(seed uint64) config.Config {
	c := config.Default()
	c.Seed = seed
	c.Problem.Dataset = "fashion-mnist"
	c.Problem.Model.Hidden = []int{128}
	c.Problem.Partition = config.Partition{Kind: "dirichlet", Alpha: 0.1}
	return c
}

func TestAccuracy(t *testing.T) {
	dir := dataFolder(t, "fashion-mnist")
	for _, kind := range []string{"dirichlet", "iid"} {
		for seed := range uint64(3) {
			c := fashion(seed + 1)
			c.Problem.Partition.Kind = kind
			began := time.Now()
			p, err := Open(c, dir)
			if err != nil {
				t.Fatal(err)
			}
			t.Log(p.Describe(), time.Since(began))
			began = time.Now()
			best, last := 0.0, 0.0
			rounds(t, p, 100, 10, seed+1, func(round int, m problem.Metrics) {
				a, _ := m.Get("test_accuracy")
				best = max(best, a)
				if round >= 90 {
					last += a / 10
				}
			})
			t.Logf("%s seed %d: best %.4f last ten %.4f in %v", kind, seed+1, best, last, time.Since(began))
		}
	}
}
