package learn

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
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

// rounds runs FedAvg on x: each round, that many clients drawn at random work on the model, and their updates are
// weighted by their data.
func rounds(tb testing.TB, p *Problem, x []float32, n, clients int, seed uint64, after func(round int)) {
	tb.Helper()
	random := rand.New(rand.NewPCG(seed, 1))
	delta, sum := make([]float32, p.Dim()), make([]float32, p.Dim())
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
		after(round)
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

// accuracies trains a config for n rounds of ten clients and returns the test accuracy after each.
func accuracies(t *testing.T, c config.Config, dir string, n int) []float64 {
	t.Helper()
	p := open(t, c, dir)
	x := make([]float32, p.Dim())
	p.Start(x)
	all := make([]float64, n)
	rounds(t, p, x, n, 10, c.Seed, func(round int) {
		all[round], _ = p.Evaluate(x, problem.Sequential).Get("test_accuracy")
	})
	return all
}

// A few rounds of every model on real data learn what they should by then.
func TestModelsLearn(t *testing.T) {
	for _, test := range []struct {
		set       string
		model     config.Model
		partition string
		lr        float64
		rounds    int
		want      float64
	}{
		{"fashion-mnist", config.Model{Kind: "logistic"}, "iid", .05, 3, .78},
		{"fashion-mnist", config.Model{Kind: "mlp", Hidden: []int{128}}, "iid", .05, 5, .77},
		{"mnist", config.Model{Kind: "mlp", Hidden: []int{64, 64}, Activation: "selu"}, "shards", .05, 10, .60},
		{"mnist", config.Model{Kind: "cnn"}, "iid", .05, 1, .60},
		{"a9a", config.Model{Kind: "mlp", Hidden: []int{16}}, "iid", .1, 20, .82},
		{"shakespeare", config.Model{Kind: "char", Hidden: []int{64}, Context: 8, Embedding: 8}, "natural", .3, 3, .30},
	} {
		t.Run(test.set+" "+test.model.Kind, func(t *testing.T) {
			c := fashion(1)
			c.Problem.Dataset, c.Problem.Model, c.Problem.Partition = test.set, test.model, config.Partition{Kind: test.partition, Shards: 2}
			c.Local.LR = test.lr
			all := accuracies(t, c, dataFolder(t, test.set), test.rounds)
			if last := all[len(all)-1]; last < test.want {
				t.Errorf("accuracy %.3f after %d rounds, want %.3f: %.3f", last, test.rounds, test.want, all)
			}
		})
	}
}

// The reference points of federated averaging on Fashion-MNIST: 100 clients, 10 a round, batch 32, rate .05, one epoch,
// 100 rounds. Takes half a minute: set WEIR_LONG=1.
func TestReferenceAccuracies(t *testing.T) {
	dir := dataFolder(t, "fashion-mnist")
	if os.Getenv("WEIR_LONG") == "" {
		t.Skip("takes half a minute: set WEIR_LONG=1")
	}
	for seed := uint64(1); seed <= 3; seed++ {
		for _, test := range []struct {
			partition                  string
			best, bestTo, last, lastTo float64
		}{{"dirichlet", .80, .85, .74, .84}, {"iid", .85, .87, .85, .87}} {
			c := fashion(seed)
			c.Problem.Partition.Kind = test.partition
			began := time.Now()
			all := accuracies(t, c, dir, 100)
			best, last := slices.Max(all), 0.0
			for _, a := range all[90:] {
				last += a / 10
			}
			t.Logf("%s, seed %d: best %.4f, mean of the last ten %.4f, in %.1f s", test.partition, seed, best, last, time.Since(began).Seconds())
			if best < test.best || best > test.bestTo || last < test.last || last > test.lastTo {
				t.Errorf("%s, seed %d: best %.4f, last %.4f, want them in [%g, %g] and [%g, %g]", test.partition, seed, best, last, test.best, test.bestTo, test.last, test.lastTo)
			}
		}
	}
}
