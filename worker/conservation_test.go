package worker

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"weir/compress"
	"weir/config"
	"weir/ledger"
	"weir/problem"
	"weir/transport"
	"weir/vec"
)

// life is one run in which much goes wrong: frames, notes and answers are lost, doubled and late, leaders change,
// updates arrive damaged, workers are killed between any two steps and come back with their folders.
type life struct {
	t       *testing.T
	cfg     config.Config
	seed    uint64
	network *transport.Memory
	leader  *leader
	codec   *compress.Codec[float64]
	dirs    map[string]string

	mu      sync.Mutex
	mortal  bool
	steps   map[string]uint64    // how often each was reached
	died    map[step]int         // how often a worker was killed there
	latest  map[uint32][]float64 // by client: what its work under way came to
	done    map[uint32][]float64 // by client: the sum of all work that reached its file
	restart int
}

// chances are how likely a worker is killed at a step.
var chances = map[step]float64{worked: .03, encoded: .03, written: .05, published: .02, settled: .03}

// dies decides the fate of a worker at a step, by chance but always the same, and keeps account of the work.
func (f *life) dies(at step, client uint32) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if at == written {
		vec.Add(f.done[client], f.latest[client])
	}
	key := fmt.Sprint(at, client)
	f.steps[key]++
	random := rand.New(rand.NewPCG(f.seed, uint64(at)<<48|uint64(client)<<32|f.steps[key]))
	if !f.mortal || random.Float64() >= chances[at] {
		return false
	}
	f.died[at]++
	return true
}

func (f *life) worked(r problem.Round, delta []float64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.latest[uint32(r.Client)] = slices.Clone(delta)
}

// work hosts clients until the run stops, whatever happens to the worker.
func (f *life) work(name string, clients []uint32) {
	random := rand.New(rand.NewPCG(f.seed, number(name)))
	p := &toy{clients: f.cfg.Clients.Count, dim: f.codec.Dim(), takes: 300 * time.Millisecond, worked: f.worked}
	for {
		ctx, cancel := context.WithTimeout(f.t.Context(), 5*time.Second+time.Duration(random.ExpFloat64()*float64(20*time.Second)))
		conn := f.network.Connect(name)
		cfg := Config{
			Name: name, Clients: clients, Dir: f.dirs[name], Run: f.cfg, Subjects: transport.NewSubjects(f.cfg.Name), Conn: conn, Cores: 2, Log: logger(f.t), dies: f.dies,
		}
		h, err := newHost(cfg, problem.Problem[float64](p))
		if err == nil {
			err = h.run(ctx)
		}
		conn.Close()
		cancel()
		switch {
		case err == nil:
			return
		case !errors.Is(err, errDied) && !errors.Is(err, context.DeadlineExceeded):
			f.t.Errorf("worker %s: %v", name, err)
			return
		}
		f.mu.Lock()
		f.restart++
		f.mu.Unlock()
		time.Sleep(time.Duration(random.ExpFloat64() * float64(2*time.Second)))
	}
}

// disturb has the nodes take turns in leading, and cuts workers off for longer and shorter than their lease, until stop.
func (f *life) disturb(stop <-chan struct{}) {
	random := rand.New(rand.NewPCG(f.seed, 2))
	pause := func(mean time.Duration) bool {
		select {
		case <-stop:
			return false
		case <-time.After(mean/4 + time.Duration(random.ExpFloat64()*float64(mean))):
			return true
		}
	}
	for pause(4 * time.Second) {
		if random.IntN(2) == 0 {
			f.leader.do(f.leader.takeOver)
			continue
		}
		var node string
		f.leader.do(func() { node = f.leader.node })
		worker := []string{"a", "b"}[random.IntN(2)]
		if random.IntN(2) == 0 {
			f.network.Cut(worker, node)
		} else {
			f.network.CutOneWay(node, worker) // its frames arrive, and it hears nothing of them
		}
		goesOn := pause(4 * time.Second)
		f.network.Heal(worker, node)
		if !goesOn {
			return
		}
	}
}

func (f *life) live() {
	var workers sync.WaitGroup
	workers.Go(func() { f.work("a", []uint32{0, 2}) })
	workers.Go(func() { f.work("b", []uint32{1}) })
	stop := make(chan struct{})
	var disturber sync.WaitGroup
	disturber.Go(func() { f.disturb(stop) })
	time.Sleep(2 * time.Minute)
	close(stop)
	disturber.Wait()
	f.mu.Lock()
	f.mortal = false
	f.mu.Unlock()
	f.network.SetFaults(transport.Faults{Latency: 20 * time.Millisecond})
	time.Sleep(time.Second)
	f.leader.do(func() { f.leader.tell(ledger.Command{Kind: ledger.Stop, Why: "enough"}) })
	workers.Wait()
}

// account compares one client's work with where it went.
func (f *life) account(client uint32) {
	found := make([]float64, f.codec.Dim())
	mirror := f.codec.NewMirror()
	add := func(update []byte, weight float64) {
		for len(update) > 0 {
			frame, rest, err := f.codec.Parse(update)
			if err != nil {
				f.t.Fatal(err)
			}
			if f.codec.Mirrored() {
				f.codec.Advance(mirror, found, weight, frame)
			} else {
				f.codec.Add(found, weight, frame)
			}
			update = rest
		}
	}
	decoded := map[uint64]bool{}
	for _, a := range f.leader.admits {
		if a.client != client {
			continue
		}
		if decoded[a.seq] {
			f.t.Errorf("client %d: update %d was decoded twice", client, a.seq)
		}
		decoded[a.seq] = true
		weight := 1.0
		if a.verdict == ledger.Late {
			weight = 0
		}
		add(a.update, weight)
	}
	name := "a"
	if client == 1 {
		name = "b"
	}
	s, err := loadState(f.codec, f.dirs[name], string(f.cfg.YAML()), client)
	if err != nil {
		f.t.Fatal(err)
	}
	for _, u := range s.outbox {
		if !decoded[u.seq] {
			add(u.bytes, 1)
		}
	}
	if owed := s.memory.Owed(); owed != nil {
		vec.Add(found, owed)
	}
	norm := math.Sqrt(vec.Norm2(f.done[client]))
	for j, want := range f.done[client] {
		if math.Abs(found[j]-want) > 1e-9*norm {
			f.t.Errorf("client %d did %v in coordinate %d, %v is accounted for", client, want, j, found[j])
			return
		}
	}
}

// rules are feedback rules and compressors under which all that is worked is sent in the end.
var rules = map[string]func(*compress.Config){
	"none":     func(*compress.Config) {},
	"ec":       func(c *compress.Config) { c.Kind, c.K, c.Values, c.Feedback = "topk", 3, "int8", "ec" },
	"ef21":     func(c *compress.Config) { c.Feedback = "ef21" },
	"ef21m":    func(c *compress.Config) { c.Feedback, c.Momentum = "ef21m", 1 },
	"econtrol": func(c *compress.Config) { c.Kind, c.K, c.Feedback, c.Eta = "topk", 3, "econtrol", 0.1 },
	"auto":     func(c *compress.Config) { c.Kind, c.Feedback = "sign", "econtrol" },
}

// The conservation law under everything that may go wrong, and each update applied once: what was committed, what the
// error memories on disk hold and what lies in the outboxes add up to all work that ever reached a client's file.
func TestNothingIsLostAndNothingTwice(t *testing.T) {
	for name, rule := range rules {
		for pipeline := range 2 {
			t.Run(fmt.Sprintf("%s pipeline %d", name, pipeline), func(t *testing.T) {
				t.Parallel() // it mostly waits for the disk
				for seed := range *lives {
					synctest.Test(t, func(t *testing.T) { conserves(t, seed, rule, pipeline, 20) })
				}
			})
		}
	}
	for _, name := range []string{"none", "econtrol"} {
		t.Run(name+" in several frames", func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { conserves(t, 2, rules[name], 1, 70_000) })
		})
	}
}

var lives = flag.Uint64("lives", 2, "lives of a worker under each rule, half of them in rounds, in the test that nothing is lost")

func conserves(t *testing.T, seed uint64, rule func(*compress.Config), pipeline, dim int) {
	cfg := testConfig(t, func(c *config.Config) {
		rule(&c.Compress)
		c.Local.Pipeline = pipeline
		c.Stop.Versions = 0
		c.Staleness.Max = 2
		if seed%2 == 1 {
			c.Aggregate.Kind, c.Aggregate.Deadline = "fedavg", config.Duration(time.Second)
		}
	})
	codec, err := compress.NewCodec[float64](cfg.Compress, dim, cfg.Seed)
	if err != nil {
		t.Fatal(err)
	}
	network := transport.NewMemory(seed, transport.Faults{Latency: 20 * time.Millisecond, Jitter: 80 * time.Millisecond, Loss: .1, Duplicate: .1})
	f := &life{
		t: t, cfg: cfg, seed: seed, network: network, codec: codec, mortal: true,
		dirs: map[string]string{"a": t.TempDir(), "b": t.TempDir()}, steps: map[string]uint64{}, died: map[step]int{},
		latest: map[uint32][]float64{}, done: map[uint32][]float64{},
	}
	for i := range cfg.Clients.Count {
		f.done[uint32(i)] = make([]float64, dim)
	}
	x := make([]float64, dim)
	fill(x, 1)
	f.leader = newLeader(t, cfg, x, network, seed)
	f.leader.lease, f.leader.damaged = 3*time.Second, .1
	defer f.leader.close()
	f.live()
	f.leader.do(func() {
		for i := range cfg.Clients.Count {
			f.account(uint32(i))
		}
		n := f.leader.counts
		t.Logf("seed %d: %+v, %d leaders, killed %v, %d restarts", seed, n, f.leader.term, f.died, f.restart)
		if n.committed < 10 || n.refused == 0 || n.void == 0 || f.restart < 5 || cfg.Aggregate.Kind == "fedavg" && n.late == 0 {
			t.Errorf("too little went wrong or right: %+v, %d restarts", n, f.restart)
		}
	})
}
