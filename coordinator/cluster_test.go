package coordinator

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"

	"weir/config"
	"weir/record"
	"weir/transport"
	"weir/worker"
)

// lab is a cluster in one process and in virtual time: real nodes, real raft over a network in memory, real workers.
type lab struct {
	t       *testing.T
	cfg     config.Config
	dir     string
	net     *transport.Memory
	log     *zap.Logger
	ids     []string
	rafts   map[string]*raft.InmemTransport
	nodes   map[string]*process
	workers map[string]*process
	all     sync.WaitGroup

	tune  func(*Config)                                      // changes a node's configuration; nil for no change
	serve func(context.Context, worker.Config) error         // runs a worker; nil for worker.Run
	wire  func(name string, c transport.Conn) transport.Conn // what a worker talks through; nil for c itself
	side  map[string]int                                     // which part of a network that has come apart an end is in; 0 for those that are not here
}

// process is a node or a worker that runs.
type process struct {
	stop context.CancelCauseFunc
	done chan error
}

func newLab(t *testing.T, cfg config.Config, nodes int) *lab {
	l := &lab{
		t: t, cfg: cfg, dir: t.TempDir(), net: transport.NewMemory(1, transport.Faults{Latency: time.Millisecond}), log: zap.NewNop(),
		rafts: map[string]*raft.InmemTransport{}, nodes: map[string]*process{}, workers: map[string]*process{}, side: map[string]int{},
	}
	if testing.Verbose() && os.Getenv("WEIR_LOG") != "" {
		l.log = zaptest.NewLogger(t)
	}
	for i := range nodes {
		l.ids = append(l.ids, fmt.Sprintf("node-%d", i+1))
	}
	return l
}

// connect gives a node its place in the network of nodes.
func (l *lab) connect(id string) *raft.InmemTransport {
	_, t := raft.NewInmemTransportWithTimeout(raft.ServerAddress(id), 500*time.Millisecond)
	l.rafts[id] = t
	l.link()
	return t
}

func (l *lab) start(run func(ctx context.Context) error) *process {
	ctx, stop := context.WithCancelCause(context.Background())
	p := &process{stop: stop, done: make(chan error, 1)}
	l.all.Go(func() { p.done <- run(ctx) })
	return p
}

func (l *lab) startNode(id string) {
	var members []Member
	for _, m := range l.ids {
		members = append(members, Member{ID: m, Raft: m})
	}
	t := l.connect(id)
	conn := l.net.Connect(id)
	l.nodes[id] = l.start(func(ctx context.Context) error {
		defer conn.Close()
		defer t.Close()
		c := Config{Node: id, Members: members, Dir: filepath.Join(l.dir, id), Run: l.cfg, Conn: conn, Raft: t, Log: l.log.Named(id), RecordFrames: true}
		if l.tune != nil {
			l.tune(&c)
		}
		return Run(ctx, c)
	})
}

func (l *lab) startWorker(name string, clients ...uint32) {
	conn := l.net.Connect(name)
	if l.wire != nil {
		conn = l.wire(name, conn)
	}
	run := worker.Run
	if l.serve != nil {
		run = l.serve
	}
	l.workers[name] = l.start(func(ctx context.Context) error {
		defer conn.Close()
		return run(ctx, l.worker(name, conn, clients...))
	})
}

func (l *lab) worker(name string, conn transport.Conn, clients ...uint32) worker.Config {
	return worker.Config{
		Name: name, Clients: clients, Dir: filepath.Join(l.dir, name), Run: l.cfg, Subjects: transport.NewSubjects(l.cfg.Name),
		Conn: conn, Log: l.log.Named(name), Cores: 1, Emulate: true,
	}
}

// end waits for everybody and wants no error.
func (l *lab) end() {
	l.t.Helper()
	for _, of := range []map[string]*process{l.workers, l.nodes} {
		for name, p := range of {
			select {
			case err := <-p.done:
				if err != nil {
					l.t.Errorf("%s: %v", name, err)
				}
			case <-time.After(24 * time.Hour): // of virtual time
				l.t.Fatalf("%s does not end", name)
			}
		}
	}
	l.all.Wait()
}

func (l *lab) summary(id string) record.Summary {
	l.t.Helper()
	r, err := record.Open(filepath.Join(l.dir, id, "run"))
	if err != nil {
		l.t.Fatal(err)
	}
	return r.Summary
}

func load(t *testing.T, text string, sets ...string) config.Config {
	t.Helper()
	path := filepath.Join(t.TempDir(), "lab.yaml")
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(path, sets)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const small = `
seed: 3
problem: {kind: learn, dataset: synthetic, model: {kind: logistic}, partition: {kind: dirichlet, alpha: 0.5}}
clients: {count: 6, concurrency: 4, speed: {kind: lognormal, median: 200ms, sigma: 1}, link: {up: 10Mbit, down: 50Mbit, latency: 5ms}}
local: {lr: 0.1, batch: 32, epochs: 1}
aggregate: {kind: fedbuff, size: 2}
stop: {versions: 30}
evaluate: {every: 5}
`

// A run on a quiet cluster comes to its end, and every node ends with the same record.
func TestClusterRuns(t *testing.T) {
	cfg := load(t, small)
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, cfg, 3)
		for _, id := range l.ids {
			l.startNode(id)
		}
		l.startWorker("worker-1", 0, 1, 2)
		l.startWorker("worker-2", 3, 4, 5)
		l.end()
		first := l.summary("node-1")
		if first.Versions != 30 || first.StoppedBy != "versions" || first.Updates.Committed != 60 || first.Metrics["test_accuracy"].Best < 0.5 {
			t.Errorf("%+v", first)
		}
		for _, id := range l.ids[1:] {
			if s := l.summary(id); s.ModelDigest != first.ModelDigest || s.Updates != first.Updates {
				t.Errorf("%s ends with %v %+v, node-1 with %v %+v", id, s.ModelDigest, s.Updates, first.ModelDigest, first.Updates)
			}
		}
	})
}

// A model that stops being finite ends the run on every node, with a record, before anybody evaluates it.
func TestClusterDiverges(t *testing.T) {
	cfg := load(t, small, "outer.lr=1e39", "evaluate.every=100")
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, cfg, 3)
		for _, id := range l.ids {
			l.startNode(id)
		}
		l.startWorker("worker-1", 0, 1, 2, 3, 4, 5)
		l.end()
		for _, id := range l.ids {
			if s := l.summary(id); s.StoppedBy != "diverged" || s.Versions != 1 {
				t.Errorf("%s: stopped by %q after %d versions", id, s.StoppedBy, s.Versions)
			}
		}
	})
}
