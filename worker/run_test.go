package worker

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"

	"weir/config"
	"weir/fleet"
	"weir/ledger"
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
	spoil        func(report *problem.Report, delta []float64)
}

func (p *toy) Dim() int                            { return p.dim }
func (p *toy) Clients() int                        { return p.clients }
func (p *toy) Samples(i int) int                   { return 1 + i }
func (p *toy) Start(x []float64)                   { fill(x, 1) }
func (p *toy) Operator() problem.Operator[float64] { return p }

func (p *toy) Evaluate([]float64, problem.Each) problem.Metrics { return nil }

func (p *toy) Work(ctx context.Context, r problem.Round, x, delta []float64) (problem.Report, error) {
	takes := p.takes
	if r.Epochs > 0 {
		takes = time.Duration(float64(takes) * r.Epochs)
	}
	if err := sleep(ctx, takes); err != nil {
		return problem.Report{}, err
	}
	noise := rand.New(rand.NewPCG(r.Seed, 0))
	for j := range delta {
		delta[j] = (x[j]-float64(r.Client))/10 + noise.NormFloat64()/10
	}
	if p.worked != nil {
		p.worked(r, delta)
	}
	report := problem.Report{Loss: vec.Norm2(x), Steps: 1, Samples: p.Samples(r.Client)}
	if p.spoil != nil {
		p.spoil(&report, delta)
	}
	return report, nil
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

// logger shows what workers say if WORKER_LOG is set.
func logger(t *testing.T) *zap.Logger {
	if os.Getenv("WORKER_LOG") == "" {
		return zap.NewNop()
	}
	return zaptest.NewLogger(t)
}

// rig is a run in virtual time: a network, a leader, a problem.
type rig struct {
	cfg     config.Config
	network *transport.Memory
	leader  *leader
	toy     *toy
	dir     string
}

// inRun sets up a run and hands it to test.
func inRun(t *testing.T, set func(*config.Config), test func(t *testing.T, r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &rig{cfg: testConfig(t, set), network: transport.NewMemory(1, transport.Faults{}), dir: t.TempDir()}
		r.toy = &toy{clients: r.cfg.Clients.Count, dim: 20}
		x := make([]float64, r.toy.dim)
		r.toy.Start(x)
		r.leader = newLeader(t, r.cfg, x, r.network, 1)
		defer r.leader.close()
		test(t, r)
	})
}

// alone has one client, whose every update is a version.
func alone(c *config.Config) { c.Clients.Count, c.Clients.Concurrency, c.Aggregate.Size = 1, 1, 1 }

// host hosts all clients on one worker until it ends; adapt may change it.
func (r *rig) host(ctx context.Context, t *testing.T, adapt func(*Config)) error {
	t.Helper()
	conn := r.network.Connect("w")
	defer conn.Close()
	cfg := Config{
		Name: "w", Dir: r.dir, Run: r.cfg, Subjects: transport.NewSubjects(r.cfg.Name), Conn: conn, Cores: 2, Log: logger(t),
	}
	for i := range r.cfg.Clients.Count {
		cfg.Clients = append(cfg.Clients, uint32(i))
	}
	if adapt != nil {
		adapt(&cfg)
	}
	if err := cfg.Validate(); err != nil {
		t.Error(err)
	}
	return start(ctx, cfg, problem.Problem[float64](r.toy))
}

// wantRounds wants the rounds of every client to be decoded from 1 to the last, each once.
func (r *rig) wantRounds(t *testing.T, last uint64) {
	t.Helper()
	r.leader.do(func() {
		next := map[uint32]uint64{}
		for _, a := range r.leader.admits {
			next[a.client]++
			if a.seq != next[a.client] {
				t.Errorf("round %d of client %d comes after %d", a.seq, a.client, next[a.client]-1)
			}
		}
		for id := range r.leader.clients {
			if next[uint32(id)] < last {
				t.Errorf("client %d did %d rounds, want %d", id, next[uint32(id)], last)
			}
		}
	})
}

// One worker, one client, nothing goes wrong.
func TestAClientWorksUntilTheRunStops(t *testing.T) {
	inRun(t, alone, func(t *testing.T, r *rig) {
		r.toy.takes = time.Second
		if err := r.host(t.Context(), t, nil); err != nil {
			t.Fatal(err)
		}
		r.wantRounds(t, 10)
		r.leader.do(func() {
			for i, a := range r.leader.admits {
				if a.base != uint64(i) || a.at < time.Duration(i+1)*time.Second || a.at > time.Duration(i+2)*time.Second {
					t.Errorf("round %d from version %d after %v", a.seq, a.base, a.at)
				}
			}
		})
	})
}

// asked counts the requests of a connection.
type asked struct {
	transport.Conn
	mu       sync.Mutex
	subjects map[string]int
}

func (a *asked) Request(ctx context.Context, subject string, data []byte) ([]byte, error) {
	a.mu.Lock()
	a.subjects[subject]++
	a.mu.Unlock()
	return a.Conn.Request(ctx, subject, data)
}

// With a connection for downloads every model comes over it and nothing else does, so that no news waits behind a model.
func TestDownloadsOnTheirOwnConnection(t *testing.T) {
	inRun(t, alone, func(t *testing.T, r *rig) {
		bulk := &asked{Conn: r.network.Connect("w-bulk"), subjects: map[string]int{}}
		defer bulk.Close()
		var conn *asked
		err := r.host(t.Context(), t, func(c *Config) {
			conn = &asked{Conn: c.Conn, subjects: map[string]int{}}
			c.Conn, c.Bulk = conn, bulk
		})
		if err != nil {
			t.Fatal(err)
		}
		r.wantRounds(t, 10)
		s := transport.NewSubjects(r.cfg.Name)
		if bulk.subjects[s.Fetch()] < 10 || bulk.subjects[s.Hello("w")] > 0 || conn.subjects[s.Fetch()] > 0 || conn.subjects[s.Hello("w")] == 0 {
			t.Errorf("asked on the connection for downloads: %v, on the other: %v", bulk.subjects, conn.subjects)
		}
	})
}

// A worker is killed after each step, in its first round and in a later one. Started again with its folder it goes on: no
// round is left out, none is decoded twice, and a round that was published once is never published in other bytes.
func TestKilledAfterAnyStep(t *testing.T) {
	for at, name := range []string{worked: "worked", encoded: "encoded", written: "written", published: "published", settled: "settled"} {
		for _, nth := range []int{1, 3} {
			for pipeline := range 2 {
				t.Run(fmt.Sprintf("%s %d pipeline %d", name, nth, pipeline), func(t *testing.T) {
					inRun(t, func(c *config.Config) { alone(c); c.Local.Pipeline = pipeline }, func(t *testing.T, r *rig) {
						reached := 0
						die := func(c *Config) {
							c.dies = func(s step, _ uint32) bool {
								if s == step(at) {
									reached++
								}
								return s == step(at) && reached == nth
							}
						}
						if err := r.host(t.Context(), t, die); !errors.Is(err, errDied) {
							t.Fatalf("it ended with %v", err)
						}
						if err := r.host(t.Context(), t, nil); err != nil {
							t.Fatal(err)
						}
						r.wantRounds(t, 10)
					})
				})
			}
		}
	}
}

// An emulated client takes as long as the fleet says, to the nanosecond: the same as in the simulator.
func TestEmulatedTimes(t *testing.T) {
	set := func(c *config.Config) {
		alone(c)
		c.Clients.Speed = config.Speed{Kind: "fixed", Median: config.Duration(3 * time.Second)}
		c.Clients.Link = config.Link{Up: 1000, Down: 2000, Latency: config.Duration(40 * time.Millisecond)}
	}
	inRun(t, set, func(t *testing.T, r *rig) {
		r.toy.takes = time.Second
		if err := r.host(t.Context(), t, func(c *Config) { c.Emulate = true }); err != nil {
			t.Fatal(err)
		}
		f, err := fleet.New(r.cfg)
		if err != nil {
			t.Fatal(err)
		}
		r.leader.do(func() {
			for i, a := range r.leader.admits[1:] { // the client holds the version before, and gets what changed: as many bytes
				frame := len(a.update)
				if took, want := a.at-r.leader.admits[i].at, time.Duration(f.Down(frame)+3e9+f.Up(frame)); took != want {
					t.Errorf("round %d took %v, want %v", a.seq, took, want)
				}
				if a.report.Computed != 3e9 || a.report.Waited != f.Down(frame) || a.report.Blocked != f.Down(frame)+f.Up(frame) {
					t.Errorf("round %d reports %+v", a.seq, a.report)
				}
			}
		})
	})
}

// A time budget is time of the worker's own machine where none is emulated: its first round shows how fast that is.
func TestTimeBudgetIsMeasured(t *testing.T) {
	set := func(cfg *config.Config) {
		alone(cfg)
		cfg.Local.Epochs, cfg.Local.Steps, cfg.Local.Budget = 0, 0, config.Duration(3*time.Second)
	}
	inRun(t, set, func(t *testing.T, r *rig) {
		r.toy.takes = 500 * time.Millisecond
		if err := r.host(t.Context(), t, nil); err != nil {
			t.Fatal(err)
		}
		r.wantRounds(t, 10)
		r.leader.do(func() {
			for _, a := range r.leader.admits {
				want := 3 * time.Second
				if a.seq == 1 {
					want = r.toy.takes
				}
				if got := time.Duration(a.report.Computed); got != want {
					t.Errorf("round %d took %v, want %v", a.seq, got, want)
				}
			}
		})
	})
}

// With a pipeline compute goes on while updates travel, and waits only when it is the faster of the two.
func TestPipelineOverlaps(t *testing.T) {
	for _, c := range []struct {
		up     time.Duration // what an update's transfer takes
		cycle  time.Duration // what a round takes in the long run
		blocks bool
	}{
		{up: 2 * time.Second, cycle: 3 * time.Second},
		{up: 4 * time.Second, cycle: 4 * time.Second, blocks: true},
	} {
		set := func(cfg *config.Config) {
			alone(cfg)
			cfg.Local.Pipeline = 1
			cfg.Clients.Speed = config.Speed{Kind: "fixed", Median: config.Duration(3 * time.Second)}
			cfg.Clients.Link = config.Link{Latency: config.Duration(c.up)}
		}
		inRun(t, set, func(t *testing.T, r *rig) {
			if err := r.host(t.Context(), t, func(c *Config) { c.Emulate = true }); err != nil {
				t.Fatal(err)
			}
			r.wantRounds(t, 10)
			r.leader.do(func() {
				for i, a := range r.leader.admits[4:] {
					if took := a.at - r.leader.admits[i+3].at; took != c.cycle {
						t.Errorf("round %d took %v, want %v", a.seq, took, c.cycle)
					}
					if blocked := a.report.Blocked > 0; blocked != c.blocks {
						t.Errorf("round %d was blocked for %v", a.seq, time.Duration(a.report.Blocked))
					}
				}
			})
		})
	}
}

// A client that works ahead begins from the version before the last, however short its rounds are: it hears of a new one
// with the news of its own updates, not only from a beat.
func TestPipelineFollowsVersions(t *testing.T) {
	set := func(cfg *config.Config) {
		alone(cfg)
		cfg.Local.Pipeline, cfg.Stop.Versions = 1, 40
	}
	inRun(t, set, func(t *testing.T, r *rig) {
		r.toy.takes = 20 * time.Millisecond
		if err := r.host(t.Context(), t, nil); err != nil {
			t.Fatal(err)
		}
		r.wantRounds(t, 40)
		r.leader.do(func() {
			for _, a := range r.leader.admits[2:] {
				if a.base != a.seq-2 {
					t.Errorf("round %d began from version %d", a.seq, a.base)
				}
			}
		})
	})
}

// A large update goes out a window at a time, again from what was acknowledged when nothing is heard, and from its start
// to another leader.
func TestLargeUpdatesGoInWindows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &rig{cfg: testConfig(t, alone), network: transport.NewMemory(1, transport.Faults{Latency: time.Millisecond}), dir: t.TempDir()}
		r.cfg.Stop.Versions = 1
		r.toy = &toy{clients: 1, dim: 700_000, takes: time.Second} // 22 frames
		x := make([]float64, r.toy.dim)
		r.leader = newLeader(t, r.cfg, x, r.network, 1)
		defer r.leader.close()
		var over sync.WaitGroup
		over.Go(func() {
			if err := r.host(t.Context(), t, nil); err != nil {
				t.Error(err)
			}
		})
		time.Sleep(500 * time.Millisecond) // the first round is being worked
		r.leader.do(func() { r.leader.mute = true })
		came := func(want int) {
			t.Helper()
			r.leader.do(func() {
				fragments := r.leader.arrived[0]
				for i, f := range fragments {
					if int(f) != i%transport.Window {
						t.Errorf("frame %d is fragment %d", i, f)
						return
					}
				}
				if len(fragments) != want {
					t.Errorf("%d frames came, want %d", len(fragments), want)
				}
			})
		}
		time.Sleep(time.Second)
		came(transport.Window)
		r.leader.do(func() { clear(r.leader.arrived) })
		time.Sleep(transport.ResendAfter)
		r.leader.do(func() {
			if n := len(r.leader.arrived[0]); n == 0 || n > transport.Window {
				t.Errorf("%d frames came again", n)
			}
			clear(r.leader.arrived)
			r.leader.takeOver()
			r.leader.mute = false
		})
		over.Wait()
		r.leader.do(func() {
			if got := r.leader.arrived[0]; len(got) < 22 || got[0] != 0 {
				t.Errorf("the new leader got fragments %d", got)
			}
		})
		r.wantRounds(t, 1)
	})
}

// In a run with clients.durations the leader learns at once that a base is held, and of cycles as they are written.
func TestHeldIsToldAtOnce(t *testing.T) {
	set := func(c *config.Config) {
		c.Clients.Durations = []float64{1, 2, 4}
		c.Stop.Versions = 5
	}
	inRun(t, set, func(t *testing.T, r *rig) {
		r.toy.takes = 300 * time.Millisecond
		if err := r.host(t.Context(), t, nil); err != nil {
			t.Fatal(err)
		}
		r.leader.do(func() {
			for _, m := range r.leader.hellos[0].Clients {
				if want := int64([]float64{1, 2, 4}[m.Client] * 1e9); m.Cycle != want {
					t.Errorf("client %d has a cycle of %d, want %d", m.Client, m.Cycle, want)
				}
			}
			for _, a := range r.leader.admits {
				held, known := r.leader.heldAt[a.client][a.seq]
				if !known || held > a.at-r.toy.takes {
					t.Errorf("round %d of client %d arrived after %v, its base was held after %v", a.seq, a.client, a.at, held)
				}
			}
		})
	})
}

// A run that does not want the worker says why.
func TestRefused(t *testing.T) {
	inRun(t, nil, func(t *testing.T, r *rig) {
		r.leader.do(func() { r.leader.refusal = "local.lr: 0.1 here, 0.2 in the run" })
		var refused *RefusedError
		if err := r.host(t.Context(), t, nil); !errors.As(err, &refused) || refused.Why != "local.lr: 0.1 here, 0.2 in the run" {
			t.Errorf("got %v", err)
		}
		r.leader.do(func() {
			if r.leader.hellos[0].Config != string(r.cfg.YAML()) {
				t.Error("its first hello does not say how it is configured")
			}
		})
	})
}

// A worker that is asked to end leaves the run, and what it had under way is settled by the next one of its folder.
func TestLeavesAndComesBack(t *testing.T) {
	inRun(t, nil, func(t *testing.T, r *rig) {
		r.toy.takes = time.Second
		ctx, cancel := context.WithTimeout(t.Context(), 3500*time.Millisecond)
		defer cancel()
		if err := r.host(ctx, t, nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("it ended with %v", err)
		}
		r.leader.do(func() {
			if last := r.leader.hellos[len(r.leader.hellos)-1]; !last.Leaving {
				t.Error("it did not say that it leaves")
			}
			for id, s := range r.leader.clients {
				if s.present {
					t.Errorf("client %d is still there", id)
				}
			}
		})
		time.Sleep(time.Minute)
		if err := r.host(t.Context(), t, nil); err != nil {
			t.Fatal(err)
		}
		r.leader.do(func() {
			if r.leader.counts.committed < 20 {
				t.Errorf("%+v, want 20 committed", r.leader.counts)
			}
		})
	})
}

// A loss that is no number ends the worker, which names the client.
func TestDiverged(t *testing.T) {
	for name, spoil := range map[string]func(report *problem.Report, delta []float64){
		"loss":   func(report *problem.Report, _ []float64) { report.Loss = math.NaN() },
		"update": func(_ *problem.Report, delta []float64) { delta[3] = math.Inf(1) },
	} {
		t.Run(name, func(t *testing.T) {
			inRun(t, alone, func(t *testing.T, r *rig) {
				rounds := 0
				r.toy.spoil = func(report *problem.Report, delta []float64) {
					if rounds++; rounds == 4 {
						spoil(report, delta)
					}
				}
				var diverged *DivergedError
				if err := r.host(t.Context(), t, nil); !errors.As(err, &diverged) || diverged.Client != 0 || diverged.Round != 4 {
					t.Fatalf("got %v", err)
				}
				if err := r.host(t.Context(), t, nil); err != nil { // its folder is sound
					t.Fatal(err)
				}
				r.leader.do(func() {
					if r.leader.counts.committed != 10 {
						t.Errorf("%+v, want 10 committed", r.leader.counts)
					}
				})
			})
		})
	}
}

// A disk that takes nothing stops its clients until it does.
func TestFullDisk(t *testing.T) {
	inRun(t, alone, func(t *testing.T, r *rig) {
		r.toy.takes = time.Second
		go func() {
			time.Sleep(2500 * time.Millisecond)
			if err := os.RemoveAll(r.dir); err != nil {
				t.Error(err)
			}
			time.Sleep(20 * time.Second)
			if err := os.Mkdir(r.dir, 0o755); err != nil {
				t.Error(err)
			}
		}()
		if err := r.host(t.Context(), t, nil); err != nil {
			t.Fatal(err)
		}
		r.wantRounds(t, 10)
		r.leader.do(func() {
			if last := r.leader.admits[9].at; last < 30*time.Second {
				t.Errorf("it ended after %v: the disk was not missed", last)
			}
		})
	})
}

// A client that lost its folder begins a feedback epoch of its own; under the mean memory it cannot come back.
func TestLostFolder(t *testing.T) {
	for _, memory := range []string{"per-client", "mean"} {
		t.Run(memory, func(t *testing.T) {
			set := func(c *config.Config) {
				alone(c)
				c.Compress.Kind, c.Compress.K, c.Compress.Feedback, c.Compress.Memory = "topk", 3, "econtrol", memory
			}
			inRun(t, set, func(t *testing.T, r *rig) {
				r.toy.takes = time.Second
				ctx, cancel := context.WithTimeout(t.Context(), 4500*time.Millisecond)
				defer cancel()
				r.host(ctx, t, nil) //nolint:errcheck // it is the deadline
				r.dir = t.TempDir()
				err := r.host(t.Context(), t, nil)
				if memory == "mean" {
					if !errors.Is(err, ErrState) || !strings.Contains(err.Error(), "client 0 has sent updates before") {
						t.Errorf("got %v", err)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				r.leader.do(func() {
					if n := r.leader.counts; n.committed != 10 || r.leader.clients[0].epoch != 1 || n.refused > 0 {
						t.Errorf("%+v in epoch %d", n, r.leader.clients[0].epoch)
					}
				})
			})
		})
	}
}

// The run's end is believed when nobody answers any more.
func TestStopsWithoutAnAnswer(t *testing.T) {
	inRun(t, alone, func(t *testing.T, r *rig) {
		r.network.CutOneWay("w", "node-1")
		go func() {
			time.Sleep(time.Second)
			r.leader.do(func() { r.leader.tell(ledger.Command{Kind: ledger.Stop, Why: "enough"}) })
		}()
		began := time.Now()
		if err := r.host(t.Context(), t, nil); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took < time.Second+stopPatience || took > 2*time.Second+stopPatience {
			t.Errorf("it took %v", took)
		}
	})
}
