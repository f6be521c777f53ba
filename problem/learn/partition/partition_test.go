package partition

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// labelled draws labels for up to 300 samples of up to 10 classes, of which some may be empty.
func labelled(t *rapid.T) Labels {
	classes := rapid.IntRange(1, 10).Draw(t, "classes")
	of := rapid.SliceOfN(rapid.IntRange(0, classes-1), 1, 300).Draw(t, "labels")
	return Labels{Samples: len(of), Classes: classes, Of: func(i int) int { return of[i] }}
}

// every kind that deals all samples, with what it needs drawn.
var every = map[string]func(t *rapid.T, l Labels, clients int, random *rand.Rand) (*Partition, error){
	"iid": func(_ *rapid.T, l Labels, clients int, random *rand.Rand) (*Partition, error) {
		return IID(l.Samples, clients, random)
	},
	"sorted": func(_ *rapid.T, l Labels, clients int, _ *rand.Rand) (*Partition, error) { return Sorted(l, clients) },
	"shards": func(t *rapid.T, l Labels, clients int, random *rand.Rand) (*Partition, error) {
		return Shards(l, clients, rapid.IntRange(1, max(1, l.Samples/clients)).Draw(t, "shards"), random)
	},
	"dirichlet": func(t *rapid.T, l Labels, clients int, random *rand.Rand) (*Partition, error) {
		return Dirichlet(l, clients, rapid.SampledFrom([]float64{1e-300, 1e-4, .1, 1, 100, 1e300}).Draw(t, "alpha"), random)
	},
}

func TestEverySampleHasOneClient(t *testing.T) {
	for name, deal := range every {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				l := labelled(t)
				clients := rapid.IntRange(1, l.Samples).Draw(t, "clients")
				seed := rapid.Uint64().Draw(t, "seed")
				p, err := deal(t, l, clients, rand.New(rand.NewPCG(seed, 0)))
				if err != nil {
					t.Fatal(err)
				}
				if p.Clients() != clients || len(p.All()) != l.Samples {
					t.Fatalf("%d clients hold %d samples, want %d and %d", p.Clients(), len(p.All()), clients, l.Samples)
				}
				times := make([]int, l.Samples)
				for client := range clients {
					if p.Size(client) < 1 || p.Size(client) != len(p.Of(client)) {
						t.Fatalf("client %d holds %d samples, lists %d", client, p.Size(client), len(p.Of(client)))
					}
					for _, sample := range p.Of(client) {
						times[sample]++
					}
				}
				if i := slices.IndexFunc(times, func(n int) bool { return n != 1 }); i >= 0 {
					t.Fatalf("sample %d is held %d times", i, times[i])
				}
			})
		})
	}
}

func TestMoreClientsThanSamples(t *testing.T) {
	l := Labels{Samples: 3, Classes: 2, Of: func(i int) int { return i % 2 }}
	random := rand.New(rand.NewPCG(1, 1))
	_, iid := IID(3, 4, random)
	_, sorted := Sorted(l, 4)
	_, shards := Shards(l, 2, 2, random)
	_, dirichlet := Dirichlet(l, 4, 1, random)
	for name, err := range map[string]error{"iid": iid, "sorted": sorted, "shards": shards, "dirichlet": dirichlet} {
		if !errors.Is(err, ErrTooFew) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// tenClasses are 6,000 samples, as even as Fashion-MNIST's.
var tenClasses = Labels{Samples: 6000, Classes: 10, Of: func(i int) int { return i % 10 }}

// held is how many classes a client's samples have on average, leaving out those with under a hundredth of its data.
func held(p *Partition, l Labels) float64 {
	total := 0
	for client := range p.Clients() {
		counts := make([]int, l.Classes)
		for _, s := range p.Of(client) {
			counts[l.Of(int(s))]++
		}
		for _, c := range counts {
			if c*100 > p.Size(client) {
				total++
			}
		}
	}
	return float64(total) / float64(p.Clients())
}

func TestSkew(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	deal := func(p *Partition, err error) *Partition {
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	for _, c := range []struct {
		name      string
		p         *Partition
		low, high float64 // classes a client
	}{
		{"iid", deal(IID(6000, 20, random)), 10, 10},
		{"sorted", deal(Sorted(tenClasses, 20)), 1, 1},
		{"two shards", deal(Shards(tenClasses, 20, 2, random)), 1.5, 2},
		{"dirichlet 0.001", deal(Dirichlet(tenClasses, 20, .001, random)), 1, 1.5},
		{"dirichlet 0.1", deal(Dirichlet(tenClasses, 20, .1, random)), 2, 4.5},
		{"dirichlet 1000", deal(Dirichlet(tenClasses, 20, 1000, random)), 10, 10},
	} {
		if got := held(c.p, tenClasses); got < c.low || got > c.high {
			t.Errorf("%s: clients hold %.2f classes on average, want %g to %g", c.name, got, c.low, c.high)
		}
	}
}

// A share of a symmetric Dirichlet distribution over n has mean 1/n and variance (n-1)/(n^2 (n alpha + 1)).
func TestDirichletMoments(t *testing.T) {
	const n, draws = 5, 20_000
	for _, alpha := range []float64{.01, .1, 1, 50} {
		random := rand.New(rand.NewPCG(7, 7))
		share := make([]float64, n)
		sum, squares := 0.0, 0.0
		for range draws {
			drawDirichlet(share, alpha, random)
			total := 0.0
			for _, s := range share {
				total += s
			}
			if math.Abs(total-1) > 1e-12 {
				t.Fatalf("alpha %g: shares sum to %v", alpha, total)
			}
			sum += share[0]
			squares += share[0] * share[0]
		}
		mean := sum / draws
		variance := squares/draws - mean*mean
		want := (n - 1) / (n * n * (n*alpha + 1))
		// Four standard errors of the mean, five percent of the variance.
		if math.Abs(mean-1./n) > 4*math.Sqrt(want/draws) || math.Abs(variance/want-1) > .05 {
			t.Errorf("alpha %g: mean %.4f, variance %.5f, want %.4f and %.5f", alpha, mean, variance, 1./n, want)
		}
	}
}

func TestThePoorTakeFromTheRichest(t *testing.T) {
	lists := [][]int32{{1, 2, 3}, nil, {4, 5, 6}, nil, {7}, nil}
	feed(lists)
	want := [][]int32{{1}, {3}, {4, 5}, {6}, {7}, {2}}
	for i := range want {
		if !slices.Equal(lists[i], want[i]) {
			t.Errorf("client %d has %v, want %v", i, lists[i], want[i])
		}
	}
}

func TestNaturalTakesTheLargest(t *testing.T) {
	p := Natural([]Range{{0, 3}, {3, 4}, {4, 9}, {9, 12}}, 2)
	if !slices.Equal(p.Of(0), []int32{0, 1, 2}) || !slices.Equal(p.Of(1), []int32{4, 5, 6, 7, 8}) {
		t.Errorf("clients hold %v and %v", p.Of(0), p.Of(1))
	}
}

func TestLists(t *testing.T) {
	p, err := Lists([][]int{{4, 0}, {2}}, 5)
	if err != nil || !slices.Equal(p.Of(0), []int32{4, 0}) || !slices.Equal(p.Of(1), []int32{2}) {
		t.Errorf("%v, %v", p, err)
	}
	for want, lists := range map[string][][]int{
		"client 1 has no samples":                      {{1}, {}},
		"client 0: sample 5: must be between 0 and 4":  {{5}},
		"client 0: sample -1: must be between 0 and 4": {{-1}},
		"client 1: sample 3 is listed twice":           {{3}, {3}},
	} {
		if _, err := Lists(lists, 5); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
