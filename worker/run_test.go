package worker

import (
	"context"
	"math/rand/v2"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"

	"weir/config"
	"weir/problem"
	"weir/transport"
	"weir/vec"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// toy is a problem whose work is quick and never the same: delta = (x - c_i)/10 + noise of the round.
type toy struct {
	clients, dim int
	takes        time.Duration
	worked       func(r problem.Round, delta []float64) // may be nil
}

func (p *toy) Dim() int                            { return p.dim }
func (p *toy) Clients() int                        { return p.clients }
func (p *toy) Samples(i int) int                   { return 1 + i }
func (p *toy) Start(x []float64)                   { fill(x, 1) }
func (p *toy) Operator() problem.Operator[float64] { return p }

func (p *toy) Evaluate([]float64, problem.Each) problem.Metrics { return nil }

func (p *toy) Work(ctx context.Context, r problem.Round, x, delta []float64) (problem.Report, error) {
	if err := sleep(ctx, p.takes); err != nil {
		return problem.Report{}, err
	}
	noise := rand.New(rand.NewPCG(r.Seed, 0))
	for j := range delta {
		delta[j] = (x[j]-float64(r.Client))/10 + noise.NormFloat64()/10
	}
	if p.worked != nil {
		p.worked(r, delta)
	}
	return problem.Report{Loss: vec.Norm2(x), Steps: 1, Samples: p.Samples(r.Client)}, nil
}

func fill(x []float64, v float64) {
	for i := range x {
		x[i] = v
	}
}

// testConfig is a run with what most tests need.
func testConfig(t *testing.T, set func(*config.Config)) config.Config {
	t.Helper()
	cfg := config.Default()
	cfg.Name = "test"
	cfg.Clients.Count, cfg.Clients.Concurrency = 3, 3
	cfg.Aggregate.Kind, cfg.Aggregate.Weights, cfg.Aggregate.Size = "fedbuff", "share", 2
	cfg.Stop.Versions = 10
	if set != nil {
		set(&cfg)
	}
	return cfg
}

func logger(t *testing.T) *zap.Logger {
	if os.Getenv("WORKER_LOG") == "" {
		return zap.NewNop()
	}
	return zaptest.NewLogger(t)
}

// host runs one worker that hosts clients until it ends.
func hostOnce(t *testing.T, cfg Config, network *transport.Memory, p problem.Problem[float64]) error {
	conn := network.Connect(cfg.Name)
	defer conn.Close()
	cfg.Conn, cfg.Log, cfg.Subjects = conn, logger(t), transport.NewSubjects(cfg.Run.Name)
	if cfg.Cores == 0 {
		cfg.Cores = 2
	}
	if err := cfg.Validate(); err != nil {
		t.Error(err)
	}
	return start(t.Context(), cfg, p)
}

// One worker, one client, nothing goes wrong.
func TestAClientWorksUntilTheRunStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := testConfig(t, func(c *config.Config) {
			c.Clients.Count, c.Clients.Concurrency, c.Aggregate.Size = 1, 1, 1
		})
		p := &toy{clients: 1, dim: 5, takes: time.Second}
		network := transport.NewMemory(1, transport.Faults{Latency: 10 * time.Millisecond})
		x := make([]float64, 5)
		p.Start(x)
		l := newLeader(t, cfg, x, network, 1)
		defer l.close()
		if err := hostOnce(t, Config{Name: "w", Clients: []uint32{0}, Dir: t.TempDir(), Run: cfg}, network, p); err != nil {
			t.Fatal(err)
		}
		l.do(func() {
			if l.counts.committed != 10 || len(l.admits) != 10 {
				t.Errorf("%+v, %d decoded, want 10", l.counts, len(l.admits))
			}
			for i, a := range l.admits {
				if a.seq != uint64(i+1) || a.base != uint64(i) {
					t.Errorf("update %d is round %d from version %d", i, a.seq, a.base)
				}
			}
		})
	})
}
