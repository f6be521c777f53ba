package worker

import (
	"context"
	"math"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"weir/aggregate"
	"weir/config"
	"weir/fleet"
	"weir/problem"
	"weir/transport"
)

// watched keeps what every round started from and came to, by the round's seed.
type watched struct {
	toy
	mu     sync.Mutex
	starts map[uint64][]float64
	deltas map[uint64][]float64
}

func (p *watched) Operator() problem.Operator[float64] { return p }

func (p *watched) Work(ctx context.Context, r problem.Round, x, delta []float64) (problem.Report, error) {
	report, err := p.toy.Work(ctx, r, x, delta)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.starts[r.Seed], p.deltas[r.Seed] = slices.Clone(x), slices.Clone(delta)
	return report, err
}

// With local.start predicted every round starts from what aggregate.Predict makes of the version that the worker holds,
// the one before, and the client's own rounds that are not in it.
func TestRoundsStartFromPredictions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := testConfig(t, func(c *config.Config) {
			c.Aggregate.Kind, c.Local.Pipeline, c.Local.Start = "co2", 1, "predicted"
			c.Outer = aggregate.OuterConfig{Kind: "co2", LR: .9, Momentum: .6, Penalty: "constant", Clip: "none"}
			c.Stop.Versions = 12
		})
		p := &watched{toy: toy{clients: 3, dim: 5, takes: time.Second}, starts: map[uint64][]float64{}, deltas: map[uint64][]float64{}}
		network := transport.NewMemory(1, transport.Faults{Latency: 10 * time.Millisecond})
		x := make([]float64, 5)
		p.Start(x)
		l := newLeader(t, cfg, x, network, 1)
		defer l.close()
		conn := network.Connect("w")
		defer conn.Close()
		err := start(t.Context(), Config{
			Name: "w", Clients: []uint32{0, 1, 2}, Dir: t.TempDir(), Run: cfg, Subjects: transport.NewSubjects(cfg.Name),
			Conn: conn, Cores: 3, Log: logger(t),
		}, problem.Problem[float64](p))
		if err != nil {
			t.Fatal(err)
		}
		l.do(func() {
			behind := 0
			for _, a := range l.admits {
				var pending [][]float64
				for seq := a.base + 1; seq < a.seq; seq++ { // version v is made of everybody's round v
					pending = append(pending, p.deltas[fleet.Round(cfg.Seed, a.client, seq)])
				}
				behind += len(pending)
				want := slices.Clone(l.published[a.base].x)
				if a.base == 0 {
					aggregate.Predict(want, cfg.Outer, l.published[0].x, nil, 0, pending...)
				} else {
					aggregate.Predict(want, cfg.Outer, l.published[a.base].x, l.published[a.base-1].x, 1, pending...)
				}
				got := p.starts[fleet.Round(cfg.Seed, a.client, a.seq)]
				for j := range want {
					if math.Abs(got[j]-want[j]) > 1e-12 {
						t.Fatalf("client %d, round %d from version %d: started at %v, want %v", a.client, a.seq, a.base, got, want)
					}
				}
			}
			if behind < 20 {
				t.Errorf("%d of %d rounds had something to predict", behind, len(l.admits))
			}
		})
	})
}
