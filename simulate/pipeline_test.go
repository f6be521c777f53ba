package simulate

import (
	"context"
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"

	"weir/config"
)

// ALGORITHMS.md section 3. Version v is the paper's x_{v+1}: it has the updates of round v, which began from version
// v-2 (arXiv 2401.16265 counts the round that has nothing to apply yet).
func TestWorkedCO2(t *testing.T) {
	type point [2]float64
	for _, c := range []struct {
		name string
		sets []string
		rows []point
	}{
		{"co2", nil, []point{{7. / 8, 7. / 16}, {35. / 16, 35. / 32}, {427. / 128, 427. / 256}}},
		{"Local SGD: no delay, no momentum", []string{"local.pipeline=0", "outer.momentum=0"}, []point{{7. / 8, 7. / 16}, {175. / 128, 175. / 256}}},
		{"Local SGD is fedavg", []string{"aggregate.kind=fedavg", "outer={kind: sgd, lr: 1}"}, []point{{7. / 8, 7. / 16}, {175. / 128, 175. / 256}}},
	} {
		for i, want := range c.rows {
			s := simulated(t, "co2.yaml", append(c.sets, fmt.Sprintf("stop.versions=%d", i+1))...).Summary
			if s.VirtualSeconds != float64(i+1) {
				t.Errorf("%s: version %d after %v s", c.name, i+1, s.VirtualSeconds)
			}
			for j := range want {
				if math.Abs(s.Theta[j]-want[j]) > 1e-12 {
					t.Errorf("%s: version %d is %v, want %v", c.name, i+1, s.Theta, want)
				}
			}
		}
	}
}

// With equal speeds, and communication that takes less than a round, everybody's round s begins from version s-2 the
// moment that round s-1 is computed: CO2's schedule. The first outer step comes after two rounds.
func TestCO2sSchedule(t *testing.T) {
	r := &rows{}
	sets := []string{
		"aggregate={kind: co2, weights: share}", "outer={kind: co2}", "clients.count=6", "clients.concurrency=6", "clients.dropout=0",
		"clients.speed={kind: fixed, median: 1s}", "clients.link={up: 1Mbit, down: 5Mbit, latency: 40ms}", "stop.versions=20",
	}
	if _, err := Run(context.Background(), load(t, "small.yaml", sets...), Options{Rows: r}); err != nil {
		t.Fatal(err)
	}
	if len(r.updates) != 6*20 {
		t.Fatalf("%d updates", len(r.updates))
	}
	first := r.updates[0].Started // all hold version 0
	for _, u := range r.updates {
		if want := max(2, u.Seq) - 2; u.Base != want || u.Staleness != int(u.Seq-1-want) || u.Version != u.Seq {
			t.Fatalf("round %d of client %d: from version %d, in version %d", u.Seq, u.Client, u.Base, u.Version)
		}
		if began := first + float64(u.Seq-1); math.Abs(u.Started-began) > 1e-6 {
			t.Fatalf("round %d of client %d began at %v, want %v", u.Seq, u.Client, u.Started, began)
		}
	}
}

// SlowMo (Wang et al. 2020) is CO2 without the delay, the penalty and the clip: u = beta u + (x - mean of the local
// models), x -= alpha u.
func TestSlowMoIsASpecialCase(t *testing.T) {
	const alpha, beta = .8, .6
	x, u := [2]float64{}, [2]float64{}
	for range 6 {
		for j, want := range []float64{2, 1} {
			local := want + .75*.75*(x[j]-want) // the mean over the workers: each contracts towards its own c_i
			u[j] = beta*u[j] + (x[j] - local)
			x[j] -= alpha * u[j]
		}
	}
	s := simulated(t, "co2.yaml", "local.pipeline=0", fmt.Sprintf("outer.lr=%v", alpha), fmt.Sprintf("outer.momentum=%v", beta), "stop.versions=6").Summary
	for j := range x {
		if math.Abs(s.Theta[j]-x[j]) > 1e-12 {
			t.Errorf("SlowMo comes to %v, CO2's settings for it to %v", x, s.Theta)
		}
	}
}

// What a pipeline does, client by client, whatever the speeds and the links: rounds follow one another in order and
// never overlap; at most 1 + pipeline are begun and not settled; a client that could compute does; the ledger gets
// every round once and in order; and the base is the newest version that was there.
func TestPipelineKeepsItsPromises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom([]string{"co2", "fedavg", "fedfix", "fedbuff", "fedasync"}).Draw(t, "kind")
		up := rapid.SampledFrom([]string{"0", "1kbit", "300bit"}).Draw(t, "up")
		down := rapid.SampledFrom([]string{"0", "2kbit"}).Draw(t, "down")
		sets := []string{
			"aggregate.kind=" + kind, "local.pipeline=1", "clients.dropout=0", "clients.concurrency=0", "clients.link.up=" + up,
			"clients.link.down=" + down, fmt.Sprintf("seed=%d", rapid.IntRange(1, 1000).Draw(t, "seed")), "aggregate.window=700ms", "aggregate.size=7",
			"outer={kind: sgd, lr: 0.5}",
		}
		cfg, err := config.Load("testdata/lossy.yaml", sets)
		if err != nil {
			t.Fatal(err)
		}
		r := &rows{}
		result, err := Run(context.Background(), cfg, Options{Rows: r})
		if err != nil {
			t.Fatal(err)
		}
		published := make([]float64, result.Summary.Versions+1)
		for _, v := range r.versions {
			published[v.Version] = v.Time
		}
		finished, settled, next, base := map[int][]float64{}, map[int][]float64{}, map[int]uint64{}, map[int]uint64{}
		for _, u := range r.updates {
			c := u.Client
			if next[c]++; u.Seq != next[c] {
				t.Fatalf("client %d: round %d came where %d was awaited", c, u.Seq, next[c])
			}
			if u.Base < base[c] || published[u.Base] > u.Started {
				t.Fatalf("client %d, round %d: began from version %d at %v, after version %d", c, u.Seq, u.Base, u.Started, base[c])
			}
			base[c] = u.Base
			if n := len(finished[c]); n > 0 {
				could := finished[c][n-1]
				if n > 1 {
					could = max(could, settled[c][n-2])
				}
				if math.Abs(u.Started-could) > 1e-9 {
					t.Fatalf("client %d, round %d: began at %v, could have at %v", c, u.Seq, u.Started, could)
				}
			}
			finished[c] = append(finished[c], u.Finished)
			settled[c] = append(settled[c], published[u.Version])
		}
		if s := result.Summary.Time; s.Compute+s.BlockedOnNetwork > 1+1e-9 || s.Overlap < 0 || s.Overlap > 1 {
			t.Fatalf("time shares %+v", s)
		}
	})
}

// No client waits for the network while communication takes less than its local work: sending takes four fifths of a
// round here, and all of it is hidden, but for what the first version and the last update take.
func TestCommunicationHidesBehindWork(t *testing.T) {
	steps := func(sets ...string) (float64, float64) {
		r := &rows{}
		cfg := load(t, "small.yaml", append(sets, "clients.count=8", "clients.concurrency=8", "clients.dropout=0", "clients.speed={kind: fixed, median: 1s}",
			"aggregate.weights=share", "staleness={kind: constant}", "stop={time: 300s, versions: 0}")...)
		result, err := Run(context.Background(), cfg, Options{Rows: r})
		if err != nil {
			t.Fatal(err)
		}
		total := 0
		for _, u := range r.updates {
			total += u.Steps
		}
		return float64(total) / result.Summary.VirtualSeconds, result.Summary.Time.Overlap
	}
	bytes := 0
	{
		r := &rows{}
		if _, err := Run(context.Background(), load(t, "small.yaml", "stop.versions=1"), Options{Rows: r}); err != nil {
			t.Fatal(err)
		}
		bytes = r.updates[0].BytesUp
	}
	link := fmt.Sprintf("clients.link={up: %dbit, down: 0, latency: 0s}", bytes*8*10/8)
	free, _ := steps("aggregate.kind=fedavg", "clients.link={up: 0, down: 0, latency: 0s}")
	waiting, none := steps("aggregate.kind=fedavg", link)
	ahead, overlap := steps("aggregate.kind=co2", "outer={kind: co2}", link)
	t.Logf("steps a second: %.2f with a free network, %.2f waiting, %.2f ahead; overlap %.3f", free, waiting, ahead, overlap)
	if waiting > .6*free || none != 0 {
		t.Errorf("waiting for the network still does %.3f of the steps, overlap %v", waiting/free, none)
	}
	if ahead < .97*free || overlap < .99 {
		t.Errorf("working ahead does %.3f of the steps, overlap %v", ahead/free, overlap)
	}
}

// A link on which sending takes longer than computing sets the pace: updates leave one after another.
func TestSlowLinkSetsThePace(t *testing.T) {
	r := &rows{}
	sets := []string{
		"aggregate.kind=co2", "outer={kind: co2}", "clients.count=4", "clients.concurrency=4", "clients.dropout=0",
		"clients.speed={kind: fixed, median: 10ms}", "aggregate.weights=share", "stop.versions=50",
	}
	result, err := Run(context.Background(), load(t, "small.yaml", sets...), Options{Rows: r})
	if err != nil {
		t.Fatal(err)
	}
	u := r.updates[0]
	sending := float64(u.BytesUp) * 8 / 1e6
	if per := result.Summary.VirtualSeconds / 50; per < sending || per > 1.2*sending {
		t.Errorf("%v s a version, sending takes %v", per, sending)
	}
	if s := result.Summary.Time; s.BlockedOnNetwork < .5 || s.Compute > .5 {
		t.Errorf("time shares %+v", s)
	}
}

// A client that works ahead is in more windows than one that waits for each commit, by no law: unbiased weights go by
// what has happened, and the bias stays small.
func TestUnbiasedWeightsWithAPipeline(t *testing.T) {
	sets := []string{"local.pipeline=1", "aggregate.window=3s", "outer.lr=0.5", "local.lr=0.01", "stop.versions=3000"}
	s := simulated(t, "slow-optima.yaml", sets...).Summary
	t.Logf("bias %.4f, %.2f from the optimum", s.Bias.TotalVariation, *s.XStarDistance)
	if s.Bias.TotalVariation > .01 || *s.XStarDistance > 1 { // it began 45 away
		t.Errorf("bias %.4f", s.Bias.TotalVariation)
	}
}
