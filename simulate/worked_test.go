package simulate

import (
	"context"
	"fmt"
	"math"
	"testing"

	"weir/config"
)

// simulate runs testdata/NAME with the given settings.
func simulated(t *testing.T, name string, sets ...string) Result {
	t.Helper()
	cfg, err := config.Load("testdata/"+name, sets)
	if err != nil {
		t.Fatal(err)
	}
	result, err := Run(context.Background(), cfg, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// The tables of ALGORITHMS.md section 2. Each row is a time in seconds and the model after the aggregate at that time.
func TestWorkedTables(t *testing.T) {
	type row struct{ time, theta float64 }
	for _, c := range []struct {
		name string
		sets []string
		rows []row
	}{
		{"fedavg", []string{"aggregate.kind=fedavg"}, []row{{1, 3. / 10}, {2, 57. / 100}, {3, 813. / 1000}}},
		{
			"fedasync unbiased",
			[]string{"aggregate.kind=fedasync"},
			[]row{{.2, 23. / 150}, {.4, 20171. / 67500}, {.6, 20171. / 67500}, {.6, 13270517. / 30375000}},
		},
		{
			"fedasync weight 1",
			[]string{"aggregate.kind=fedasync", "aggregate.weights=identical"},
			[]row{{.2, 3. / 10}, {.4, 57. / 100}, {.6, 57. / 100}, {.6, 813. / 1000}, {.8, 10317. / 10000}, {1, 16317. / 10000}},
		},
		{
			"fedfix 1/2",
			[]string{"aggregate.kind=fedfix", "aggregate.window=500ms"},
			[]row{{.5, 1. / 10}, {1, 179. / 300}, {1.5, 6091. / 9000}, {2, 290159. / 270000}},
		},
		{
			"fedbuff 2, weight 1/2",
			[]string{"aggregate.kind=fedbuff", "aggregate.size=2", "aggregate.weights=identical"},
			[]row{{.6, 3. / 20}, {1, 237. / 400}, {1.2, 5643. / 8000}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			for i, want := range c.rows {
				s := simulated(t, "worked.yaml", append(c.sets, fmt.Sprintf("stop.versions=%d", i+1))...).Summary
				if s.VirtualSeconds != want.time || math.Abs(s.Theta[0]-want.theta) > 1e-12 {
					t.Errorf("version %d at %v s: theta %.15f, want %.15f at %v s", i+1, s.VirtualSeconds, s.Theta[0], want.theta, want.time)
				}
			}
		})
	}
}

// Where each policy settles in the worked example, at a local rate of 1/100: the fair optimum 3 for fedavg and fedfix,
// the optimum weighted by participation for those with identical weights.
func TestLongRunMeans(t *testing.T) {
	for _, c := range []struct {
		name string
		sets []string
		want float64
	}{
		{"fedavg", []string{"aggregate.kind=fedavg"}, 3},
		{"fedfix", []string{"aggregate.kind=fedfix", "aggregate.window=500ms"}, 3},
		{"fedasync", []string{"aggregate.kind=fedasync", "aggregate.weights=identical"}, 63. / 23},
		{"fedbuff", []string{"aggregate.kind=fedbuff", "aggregate.size=2", "aggregate.weights=identical"}, 2.7},
	} {
		sets := append(c.sets, "local.lr=0.01", "stop.versions=6000")
		// The models of a cycle of commits differ by the order of the clients; their mean is what the policy settles at.
		var sum float64
		const last = 15
		for i := range last {
			s := simulated(t, "worked.yaml", append(sets, fmt.Sprintf("stop.versions=%d", 6000+i))...).Summary
			sum += s.Theta[0]
		}
		if got := sum / last; math.Abs(got-c.want) > .01 {
			t.Errorf("%s settles at %.4f, want %.4f", c.name, got, c.want)
		}
	}
}

// Policies that are the same thing in special cases give the same bits or the same iterates there.
func TestInvariants(t *testing.T) {
	theta := func(sets ...string) float64 {
		return simulated(t, "worked.yaml", append(sets, "stop.versions=7")...).Summary.Theta[0]
	}
	fedavg := theta("aggregate.kind=fedavg")
	for name, got := range map[string]float64{
		"fedfix with a window of the slowest client":   theta("aggregate.kind=fedfix", "aggregate.window=1s"),
		"fedfix with a longer window":                  theta("aggregate.kind=fedfix", "aggregate.window=90s"),
		"fedfix with equal clients and a short window": theta("aggregate.kind=fedfix", "aggregate.window=1s", "clients.durations=[1,1,1]"),
		"fedbuff of all":                               theta("aggregate.kind=fedbuff", "aggregate.size=3", "aggregate.weights=identical"),
	} {
		if math.Abs(got-fedavg) > 1e-14 {
			t.Errorf("%s: %v, want fedavg's %v", name, got, fedavg)
		}
	}
}
