package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"text/tabwriter"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"weir/compress"
	"weir/config"
	"weir/problem/none"
	"weir/transport"
)

type benchIngestCmd struct {
	JSON   bool          `name:"json" help:"Print the results as JSON."`
	Nodes  []int         `default:"3,1" help:"Coordinator nodes, a series for each."`
	Length time.Duration `default:"5s" help:"How long each case is measured."`
}

func (benchIngestCmd) Help() string {
	return `Real coordinator nodes, each a process of its own, on this machine; eight clients that do no work, but send the update
that the ledger awaits of them as soon as it does, and one ahead. An update counts when it is committed: verified,
replicated to a majority's disks, applied, and told. Latency is from an update's first byte to that, memory what the
largest node has in use at the end; with --json also half way: it is to stay as it is, however long the run.

Example:
  weir bench ingest --json`
}

// ingestCase is what the clients send.
type ingestCase struct {
	name     string
	dim      int
	compress func(*compress.Config)
}

var ingestCases = []ingestCase{
	{"10,000 parameters, dense", 10_000, func(*compress.Config) {}},
	{"1,000,000 parameters, top-k 1% in 8 bits", 1_000_000, func(c *compress.Config) {
		c.Kind, c.Density, c.Values, c.Feedback = "topk", 0.01, "int8", "ec"
	}},
	{"1,000,000 parameters, dense", 1_000_000, func(*compress.Config) {}},
}

// ingestResult is one case.
type ingestResult struct {
	Name             string  `json:"name"`
	Parameters       int     `json:"parameters"`
	Nodes            int     `json:"nodes"`
	Clients          int     `json:"clients"`
	UpdatesPerSecond float64 `json:"updates_per_second"`
	BytesPerSecond   float64 `json:"bytes_per_second"` // of frames
	P50              float64 `json:"p50_ms"`
	P99              float64 `json:"p99_ms"`
	Updates          int     `json:"updates"`
	Resent           int     `json:"resent"` // updates that were lost on their way: 0, unless the machine stood still
	// Of the largest node, half way through and at the end, and what it has to have: the model's vectors.
	MemoryHalf uint64 `json:"memory_half_bytes"`
	MemoryEnd  uint64 `json:"memory_end_bytes"`
	Vectors    uint64 `json:"vectors_bytes"`
}

const (
	ingestClients = 8
	ingestVectors = 3 // that a node has: the newest version, the window's sum, a version that somebody holds
)

// config is a run that takes whatever comes: a window closes when every client is in it.
func (k ingestCase) config() config.Config {
	c := config.Default()
	c.Name = "ingest"
	c.Problem = config.Problem{Kind: "none", Dim: k.dim}
	c.Clients.Count, c.Clients.Concurrency = ingestClients, 0
	c.Local.Pipeline = 1
	c.Aggregate.Kind, c.Aggregate.Size, c.Aggregate.Weights = "fedbuff", ingestClients, "identical"
	c.Evaluate.Every = 1_000_000_000
	c.Coordinator.CheckpointEvery = 1000
	c.Stop.Versions = 1_000_000_000
	k.compress(&c.Compress)
	return c
}

// Run measures every case.
func (c *benchIngestCmd) Run(ctx context.Context, term terminal) error {
	var results []ingestResult
	for _, nodes := range c.Nodes {
		for _, k := range ingestCases {
			fmt.Fprintf(term.err, "%s, %d nodes\n", k.name, nodes)
			r, err := c.measure(ctx, k, nodes)
			if err != nil {
				return fmt.Errorf("%s, %d nodes: %w", k.name, nodes, err)
			}
			results = append(results, r)
		}
	}
	if c.JSON {
		return printJSON(term.out, results)
	}
	table := tabwriter.NewWriter(term.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "nodes\tupdates/s\tframes/s\tp50\tp99\tmemory\t  case\t")
	for _, r := range results {
		fmt.Fprintf(table, "%d\t%.0f\t%s\t%.1fms\t%.1fms\t%s\t  %s\t\n", r.Nodes, r.UpdatesPerSecond, bytes(uint64(r.BytesPerSecond)), r.P50, r.P99, bytes(r.MemoryEnd), r.Name)
	}
	return table.Flush()
}

// measure runs one case on a cluster of its own.
func (c *benchIngestCmd) measure(ctx context.Context, k ingestCase, nodes int) (ingestResult, error) {
	dir, err := os.MkdirTemp("", "weir-ingest-*")
	if err != nil {
		return ingestResult{}, err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder
	cfg := k.config()
	if err := cfg.Validate(); err != nil {
		return ingestResult{}, err
	}
	ctx, end := context.WithCancel(ctx)
	group, ctx := errgroup.WithContext(ctx)
	defer group.Wait() //nolint:errcheck // its error is told below
	defer end()
	all, err := newSupervisor(filepath.Join(dir, "logs"))
	if err != nil {
		return ingestResult{}, err
	}
	cluster, err := startNodes(ctx, group, all, dir, cfg, nodes)
	if err != nil {
		return ingestResult{}, err
	}
	conn, err := transport.Dial(ctx, transport.DialConfig{Cluster: cluster, Name: "worker-1", Log: zap.NewNop()})
	if err != nil {
		return ingestResult{}, err
	}
	defer conn.Close()
	l, err := newLoad(conn, cfg)
	if err != nil {
		return ingestResult{}, err
	}
	l.memory = func() uint64 { return largest(all.running()) }
	r, err := l.run(ctx, c.Length)
	r.Name, r.Parameters, r.Nodes, r.Clients = k.name, k.dim, nodes, ingestClients
	r.Vectors = ingestVectors * 4 * uint64(k.dim)
	return r, err
}

// largest is the memory that the largest of these processes has in use, in bytes.
func largest(pids map[string]int) (bytes uint64) {
	for _, pid := range pids {
		bytes = max(bytes, memory(pid, "VmRSS:"))
	}
	return bytes
}

// startNodes starts a coordinator of so many processes.
func startNodes(ctx context.Context, group *errgroup.Group, all *supervisor, dir string, cfg config.Config, nodes int) (config.Cluster, error) {
	text, err := localCluster(nodes, 1, cfg.Clients.Count)
	if err != nil {
		return config.Cluster{}, err
	}
	clusterPath, configPath := filepath.Join(dir, "cluster.yaml"), filepath.Join(dir, "config.yaml")
	if err := os.WriteFile(clusterPath, text, 0o666); err != nil {
		return config.Cluster{}, err
	}
	if err := os.WriteFile(configPath, cfg.YAML(), 0o666); err != nil {
		return config.Cluster{}, err
	}
	cluster, err := config.LoadCluster(clusterPath)
	if err != nil {
		return cluster, err
	}
	if cluster, err = cluster.For(cfg); err != nil {
		return cluster, err
	}
	for _, n := range cluster.Nodes {
		group.Go(func() error {
			return all.keep(ctx, n.ID, 0, "coordinator", "--config", configPath, "--cluster", clusterPath, "--id", n.ID, "--dir", filepath.Join(dir, n.ID))
		})
	}
	return cluster, nil
}

// load is eight clients that send as fast as they may.
type load struct {
	conn     transport.Conn
	subjects transport.Subjects
	clients  [ingestClients]sender
	notes    chan transport.Notes
	pipeline uint64

	memory func() uint64 // of the largest node, in bytes

	measuring bool
	done      int
	resent    int
	bytes     int
	latencies []time.Duration
}

// sender is one client: an update that it sends again and again under new numbers.
type sender struct {
	frames [][]byte
	sent   uint64               // newest round
	at     map[uint64]time.Time // when rounds that are not settled were sent
}

func newLoad(conn transport.Conn, cfg config.Config) (*load, error) {
	l := &load{conn: conn, subjects: transport.NewSubjects(cfg.Name), notes: make(chan transport.Notes, 1024), pipeline: uint64(cfg.Local.Pipeline)}
	codec, err := compress.NewCodec[float32](cfg.Compress, cfg.Problem.Dim, cfg.Seed)
	if err != nil {
		return nil, err
	}
	noise := make([]float32, cfg.Problem.Dim)
	for i := range l.clients {
		none.Noise(noise, uint64(i))
		update, _, err := codec.NewEncoder().Encode(nil, compress.ID{Client: uint32(i)}, codec.NewMemory(0), noise)
		if err != nil {
			return nil, err
		}
		k := &l.clients[i]
		k.at = map[uint64]time.Time{}
		for len(update) > 0 {
			n := compress.SizeOf(update)
			k.frames = append(k.frames, update[:n:n])
			update = update[n:]
		}
	}
	return l, nil
}

// warmUp is how long a case runs before it counts.
const warmUp = time.Second

func (l *load) run(ctx context.Context, length time.Duration) (ingestResult, error) {
	subscription, err := l.conn.Subscribe(l.subjects.Worker("worker-1"), "", func(m transport.Message) {
		var notes transport.Notes
		if transport.Decode(m.Data, &notes) == nil {
			l.notes <- notes
		}
	})
	if err != nil {
		return ingestResult{}, err
	}
	defer subscription.Close()
	hello := time.NewTicker(transport.HelloEvery)
	defer hello.Stop()
	if err := l.join(ctx); err != nil {
		return ingestResult{}, err
	}
	began := time.Now()
	start, half, end := time.After(warmUp), time.After(warmUp+length/2), time.After(warmUp+length)
	var memoryHalf uint64
	for {
		select {
		case <-ctx.Done():
			return ingestResult{}, context.Cause(ctx)
		case notes := <-l.notes:
			for _, n := range notes {
				l.follow(n)
			}
		case <-hello.C:
			if err := l.hello(ctx); err != nil {
				return ingestResult{}, err
			}
		case <-start:
			l.measuring, began = true, time.Now()
		case <-half:
			memoryHalf = l.memory()
		case <-end:
			r := l.result(time.Since(began))
			r.MemoryHalf, r.MemoryEnd = memoryHalf, l.memory()
			return r, nil
		}
	}
}

// join says hello until a leader answers.
func (l *load) join(ctx context.Context) error {
	for ctx.Err() == nil {
		if l.hello(ctx) == nil {
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return context.Cause(ctx)
}

func (l *load) hello(ctx context.Context) error {
	h := transport.Hello{Worker: "worker-1"}
	for i := range l.clients {
		h.Clients = append(h.Clients, transport.Member{Client: uint32(i), Samples: 1, Cycle: int64(10 * time.Millisecond)})
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	answer, err := l.conn.Request(ctx, l.subjects.Hello("worker-1"), transport.Encode(h))
	if err != nil {
		return err
	}
	var s transport.Sync
	if err := transport.Decode(answer, &s); err != nil {
		return err
	}
	if s.Refused != "" {
		return fmt.Errorf("refused: %s", s.Refused)
	}
	for _, n := range s.Clients {
		l.follow(n)
	}
	return nil
}

// follow counts what was committed and sends what may be sent.
func (l *load) follow(n transport.Note) {
	k := &l.clients[n.Client]
	for _, o := range n.Outcomes {
		if o.Version == 0 {
			continue
		}
		if at, sent := k.at[o.Seq]; sent {
			delete(k.at, o.Seq)
			if l.measuring {
				l.done++
				l.latencies = append(l.latencies, time.Since(at))
				for _, f := range k.frames {
					l.bytes += len(f)
				}
			}
		}
	}
	if !n.Awaited {
		return
	}
	for seq := n.Seq; seq <= n.Seq+l.pipeline; seq++ {
		switch at, sent := k.at[seq]; {
		case seq > k.sent:
			k.sent = seq
			l.send(n.Client, k, seq, n.Base)
		case sent && time.Since(at) > transport.ResendAfter:
			l.resent++
			l.send(n.Client, k, seq, n.Base)
		}
	}
}

func (l *load) send(client uint32, k *sender, seq, base uint64) {
	k.at[seq] = time.Now()
	report := transport.Report{Contraction: 0.1}
	report.Samples, report.Steps = 1, 1
	for i, frame := range k.frames {
		compress.Readdress(frame, seq, base, 0)
		m := transport.Frame{Bytes: frame}
		if i == 0 {
			m.Report = &report
		}
		_ = l.conn.Publish(l.subjects.Update(client), transport.AppendFrame(nil, m)) // what is lost ends the measurement in silence: seen at once
	}
}

func (l *load) result(took time.Duration) ingestResult {
	slices.SortFunc(l.latencies, func(a, b time.Duration) int { return cmp.Compare(a, b) })
	at := func(q float64) float64 {
		if len(l.latencies) == 0 {
			return 0
		}
		return l.latencies[int(q*float64(len(l.latencies)-1))].Seconds() * 1e3
	}
	return ingestResult{
		UpdatesPerSecond: float64(l.done) / took.Seconds(), BytesPerSecond: float64(l.bytes) / took.Seconds(), P50: at(0.5), P99: at(0.99),
		Updates: l.done, Resent: l.resent,
	}
}
