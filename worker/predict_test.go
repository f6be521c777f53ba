package worker

import (
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"weir/aggregate"
	"weir/config"
	"weir/fleet"
	"weir/problem"
)

// With local.start predicted every round starts from what aggregate.Predict makes of the version that the worker holds,
// the one before, and the client's own rounds that are not in it.
func TestRoundsStartFromPredictions(t *testing.T) {
	set := func(c *config.Config) {
		c.Aggregate.Kind, c.Local.Pipeline, c.Local.Start = "co2", 1, "predicted"
		c.Outer = aggregate.OuterConfig{Kind: "co2", LR: .9, Momentum: .6, Penalty: "constant", Clip: "none"}
		c.Stop.Versions = 12
	}
	inRun(t, set, func(t *testing.T, r *rig) {
		var mu sync.Mutex
		deltas, starts := map[uint64][]float64{}, map[uint64][]float64{} // by the round's seed
		r.toy.takes = time.Second
		r.toy.worked = func(round problem.Round, delta []float64) {
			start, noise := make([]float64, len(delta)), rand.New(rand.NewPCG(round.Seed, 0))
			for j, v := range delta { // the toy's work, backwards
				start[j] = 10*v - noise.NormFloat64() + float64(round.Client)
			}
			mu.Lock()
			defer mu.Unlock()
			deltas[round.Seed], starts[round.Seed] = slices.Clone(delta), start
		}
		if err := r.host(t.Context(), t, func(c *Config) { c.Cores = 3 }); err != nil {
			t.Fatal(err)
		}
		r.wantRounds(t, 12)
		r.leader.do(func() {
			behind := 0
			for _, a := range r.leader.admits {
				var pending [][]float64
				for seq := a.base + 1; seq < a.seq; seq++ { // version v is made of everybody's round v
					pending = append(pending, deltas[fleet.Round(r.cfg.Seed, a.client, seq)])
				}
				behind += len(pending)
				newest, before := r.leader.published[a.base].x, []float64(nil)
				if a.base > 0 {
					before = r.leader.published[a.base-1].x
				}
				want := make([]float64, len(newest))
				aggregate.Predict(want, r.cfg.Outer, newest, before, 1, pending...)
				for j, got := range starts[fleet.Round(r.cfg.Seed, a.client, a.seq)] {
					if math.Abs(got-want[j]) > 1e-9 {
						t.Fatalf("client %d, round %d from version %d: coordinate %d started at %v, want %v", a.client, a.seq, a.base, j, got, want[j])
					}
				}
			}
			if behind < 20 {
				t.Errorf("%d of %d rounds had something to predict", behind, len(r.leader.admits))
			}
		})
	})
}
