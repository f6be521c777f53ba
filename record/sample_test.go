package record

import (
	"container/heap"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"weir/problem"
)

// sample is a made-up run that looks like a real one: clients of lognormal speed, a policy that closes windows, and an
// accuracy that rises with the updates committed. Zero fields take the values of a small FedAvg run.
type sample struct {
	name     string
	policy   string // fedavg, fedasync, fedbuff, fedfix
	clients  int
	inFlight int
	versions int // -1: only the initial model
	seed     uint64
	stopped  string
	none     bool // nothing is evaluated
	bytes    int  // an update; dense would be 640 kB
	bias     float64
}

// flight is one update under way.
type flight struct {
	row    UpdateRow
	number int
}

type flights []*flight

func (f flights) Len() int { return len(f) }
func (f flights) Less(i, j int) bool {
	return f[i].row.Arrived < f[j].row.Arrived || f[i].row.Arrived == f[j].row.Arrived && f[i].number < f[j].number
}
func (f flights) Swap(i, j int) { f[i], f[j] = f[j], f[i] }
func (f *flights) Push(x any)   { *f = append(*f, x.(*flight)) }
func (f *flights) Pop() any {
	last := (*f)[len(*f)-1]
	*f = (*f)[:len(*f)-1]
	return last
}

// making is a sample being made.
type making struct {
	sample
	t       testing.TB
	run     *Run
	rng     *rand.Rand
	cycles  []float64
	flights flights
	idle    []int
	window  []*flight
	rows    tally
	time    TimeShares // seconds, until the end
	counts  []int      // updates committed of each client
	weights []float64
	started int
	version uint64
	now     float64
	work    float64 // progress of the accuracy
}

// folder makes the run's folder in a temporary directory.
func (s sample) folder(t testing.TB) string {
	if s.clients == 0 {
		s.clients = 100
	}
	if s.inFlight == 0 {
		s.inFlight = 10
	}
	if s.versions == 0 {
		s.versions = 100
	}
	s.versions = max(s.versions, 0)
	if s.policy == "" {
		s.policy = "fedavg"
	}
	if s.name == "" {
		s.name = "fashion-" + s.policy
	}
	if s.stopped == "" {
		s.stopped = "versions"
	}
	if s.bytes == 0 {
		s.bytes = 636_072
	}
	m := &making{sample: s, t: t, rng: rand.New(rand.NewPCG(s.seed, 7)), counts: make([]int, s.clients), weights: make([]float64, s.clients)}
	dir := filepath.Join(t.TempDir(), s.name)
	var err error
	if m.run, err = Create(dir, m.config()); err != nil {
		t.Fatal(err)
	}
	m.all()
	return dir
}

func (m *making) config() []byte {
	return fmt.Appendf(nil, `name: %s
seed: %d
problem:
  kind: learn
  dataset: fashion-mnist
  model: {kind: mlp, hidden: [128]}
  partition: {kind: dirichlet, alpha: 0.1}
clients:
  count: %d
  concurrency: %d
  speed: {kind: lognormal, median: 1s, sigma: 1}
  link: {up: 10Mbit, down: 50Mbit, latency: 40ms}
local: {lr: 0.05, batch: 32, epochs: 1}
aggregate: {kind: %s, window: median, weights: unbiased}
stop: {versions: %d}
evaluate: {every: 1}
`, m.name, m.seed, m.clients, m.inFlight, m.policy, m.versions)
}

func (m *making) must(err error) {
	if err != nil {
		m.t.Fatal(err)
	}
}

func (m *making) all() {
	for i := range m.clients {
		m.cycles = append(m.cycles, math.Exp(m.rng.NormFloat64()))
		m.idle = append(m.idle, i)
	}
	m.commit()
	for m.version < uint64(m.versions) {
		next := heap.Pop(&m.flights).(*flight)
		m.now = next.row.Arrived
		m.arrive(next)
		for m.due() {
			m.version++
			m.commit()
		}
	}
	s := m.summary()
	model := make([]float32, 1000)
	m.must(m.run.Finish(s, model, nil))
}

func (m *making) due() bool {
	switch m.policy {
	case "fedasync":
		return len(m.window) == 1
	case "fedbuff":
		return len(m.window) == 5
	case "fedfix": // a window a second
		if len(m.flights) > 0 && m.flights[0].row.Arrived > float64(m.version+1) {
			m.now = float64(m.version + 1)
			return true
		}
		return false
	}
	return len(m.flights) == 0
}

func (m *making) arrive(f *flight) {
	f.row.Staleness = int(m.version - f.row.Base)
	m.time.Compute += f.row.Finished - f.row.Started
	m.time.BlockedOnNetwork += f.row.Started - f.row.Assigned + f.row.Arrived - f.row.Finished
	if m.rng.Float64() < 0.02 {
		f.row.Verdict, f.row.Reason = "late", "it was 51 versions old, staleness.max is 50"
		m.rows.update(f.row)
		m.must(m.run.Update(f.row))
	} else {
		f.row.Verdict = "admitted"
		m.window = append(m.window, f)
	}
	if m.policy != "fedavg" {
		m.idle = append(m.idle, f.row.Client)
		m.start()
	} else if f.row.Verdict == "late" {
		m.idle = append(m.idle, f.row.Client)
	}
}

// start sends an idle client to work.
func (m *making) start() {
	i := m.rng.IntN(len(m.idle))
	client := m.idle[i]
	m.idle[i] = m.idle[len(m.idle)-1]
	m.idle = m.idle[:len(m.idle)-1]
	m.started++
	begin := m.now + 0.04 + float64(8*m.bytes)/50e6
	end := begin + m.cycles[client]
	heap.Push(&m.flights, &flight{number: m.started, row: UpdateRow{
		Client: client, Seq: uint64(m.started), Base: m.version, Assigned: m.now, Started: begin, Finished: end,
		Arrived: end + 0.04 + float64(8*m.bytes)/10e6, Loss: 0.3 + 2*math.Exp(-m.work), Norm: 0.4, Samples: 600, Steps: 19, BytesUp: m.bytes, BytesDown: m.bytes,
	}})
}

// commit closes a window and records its version.
func (m *making) commit() {
	row := VersionRow{Version: m.version, Time: m.now, Wall: m.now / 100, Updates: len(m.window), Weight: 1, TrainLoss: math.NaN()}
	row.BytesUp, row.BytesDown = m.rows.last.BytesUp, m.rows.last.BytesDown
	for _, f := range m.window {
		f.row.Version, f.row.Weight = m.version, 1/float64(len(m.window))
		m.rows.update(f.row)
		m.must(m.run.Update(f.row))
		m.counts[f.row.Client]++
		m.weights[f.row.Client] += f.row.Weight
		row.StalenessMean += float64(f.row.Staleness) / float64(len(m.window))
		row.StalenessMax = max(row.StalenessMax, f.row.Staleness)
		row.TrainLoss = f.row.Loss
		row.BytesUp += uint64(f.row.BytesUp)
		row.BytesDown += uint64(f.row.BytesDown)
		m.work += 0.005
		if m.policy == "fedavg" {
			m.idle = append(m.idle, f.row.Client)
		}
	}
	m.window = m.window[:0]
	if !m.none {
		row.Metrics = m.evaluate()
	}
	m.rows.version(row)
	m.must(m.run.Version(row))
	for len(m.flights) < m.inFlight && (m.policy == "fedavg" || m.version == 0) {
		m.start()
	}
}

// evaluate follows the curves of a real run: steep at first, noisy as single rounds on skewed data are.
func (m *making) evaluate() problem.Metrics {
	if m.stopped == "diverged" && m.version == uint64(m.versions) {
		return problem.Metrics{{Name: "loss", Value: math.NaN()}, {Name: "test_accuracy", Value: 0.1}}
	}
	noise := 0.035 * m.rng.NormFloat64() / (1 + m.work/4)
	accuracy := 0.1 + 0.73*(1-math.Exp(-1.1*m.work)) - math.Abs(noise)*3*math.Min(1, m.work)
	return problem.Metrics{{Name: "loss", Value: 0.46 + 1.84*math.Exp(-m.work) + math.Abs(noise)*8}, {Name: "test_accuracy", Value: math.Max(0.08, accuracy)}}
}

func (m *making) summary() Summary {
	s := m.rows.summary(&Loaded{})
	s.Name, s.Seed, s.Clients, s.Parameters, s.StoppedBy, s.ModelDigest = m.name, m.seed, m.clients, 101_770, m.stopped, "9c1185a5c5e9fc54612808977ee8f548b2258d31"
	if m.stopped == "diverged" {
		s.Error = fmt.Sprintf("diverged after version %d: client 17 returned a loss or an update that is not a number; try a smaller local.lr or outer.lr", m.versions)
	}
	s.Bytes.UpUncompressed, s.Bytes.DownUncompressed = s.Updates.Sent*636_072, s.Updates.Sent*636_072
	all := float64(m.clients) * m.now
	s.Time = TimeShares{Compute: m.time.Compute / all, BlockedOnNetwork: m.time.BlockedOnNetwork / all}
	s.Time.Idle = 1 - s.Time.Compute - s.Time.BlockedOnNetwork
	s.Bias = m.shares()
	return s
}

func (m *making) shares() Bias {
	order := make([]int, m.clients)
	share, target, sum := make([]float64, m.clients), make([]float64, m.clients), 0.0
	data := rand.New(rand.NewPCG(m.seed, 11)) // the same for every policy
	for i := range order {
		order[i] = i
		target[i] = 0.2 + data.ExpFloat64()
		sum += target[i]
	}
	committed, weight := 0, 0.0
	for i := range order {
		target[i] /= sum
		committed += m.counts[i]
		weight += m.weights[i]
	}
	b := Bias{Share: share, Target: target}
	for i := range order {
		share[i] = (1-m.bias)*target[i] + m.bias*m.weights[i]/weight
		b.TotalVariation += math.Abs(share[i]-target[i]) / 2
	}
	slices.SortFunc(order, func(i, j int) int { return int(math.Copysign(1, m.cycles[i]-m.cycles[j])) })
	for q, name := range []string{"fastest quarter", "second quarter", "third quarter", "slowest quarter"} {
		members := order[q*m.clients/4 : (q+1)*m.clients/4]
		c := Class{Name: name, Clients: len(members), Cycle: m.cycles[members[len(members)/2]]}
		for _, i := range members {
			c.Participation += float64(m.counts[i]) / float64(committed)
			c.Share += share[i]
			c.Target += target[i]
		}
		b.Classes = append(b.Classes, c)
	}
	return b
}
