package coordinator

import (
	"errors"
	"fmt"
	"math"
	"time"

	"weir/compress"
	"weir/config"
	"weir/fleet"
	"weir/journal"
	"weir/ledger"
	"weir/problem"
	"weir/record"
	"weir/transport"
	"weir/vec"
)

// state is what every node makes of the log, and nothing else: the ledger and the model, what became of each client's
// latest updates, and the run's record. Entries in, effects out: it reads no clock. The same code replays a log.
type state[T vec.Float] struct {
	config  config.Config
	problem problem.Problem[T]
	fleet   *fleet.Fleet
	machine *ledger.Machine[T]
	journal *journal.Journal

	genesis  *genesis
	entries  uint64 // that were applied
	time     int64  // of the last command
	finished bool
	clients  []clientState
	partial  partial
	frames   ring // of the newest versions
}

// clientState is what the state knows of a client beyond the ledger.
type clientState struct {
	Assigned int64                // when its newest round was given to it
	Base     uint64               // the newest version then
	Fates    [2]transport.Outcome // of its latest updates, oldest first
	Loss     float64              // of its latest update
	Computed int64                // nanoseconds that it has computed
	Blocked  int64                // nanoseconds in which the network kept it from computing
}

// partial is an update of which some frames are in the log. There is one at most: a leader proposes an update's frames
// back to back, so a frame of another one means that the leader that began this one is gone.
type partial struct {
	Client uint32
	Seq    uint64
	Count  uint32
	Bytes  []byte
}

// effect is what an entry came to. Its decision is valid until the next entry.
type effect struct {
	kind     kind
	client   uint32 // of an admission, also of one that was cut
	command  ledger.Command
	decision *ledger.Decision // of a command
	update   record.UpdateRow // of an admission
	report   *transport.Report
	cut      bool // an admission whose other frames were not there: its client is to send it again
	version  *record.VersionRow
	digest   *digested
	metrics  problem.Metrics
	finished bool
}

// newState returns the state before the first entry.
func newState[T vec.Float](c config.Config, p problem.Problem[T], rows journal.Rows) (*state[T], error) {
	f, err := fleet.New(c)
	if err != nil {
		return nil, err
	}
	x := make([]T, p.Dim())
	p.Start(x)
	l := c.Ledger()
	l.Dropouts = l.Dropouts || len(c.Clients.Durations) == 0 // real cycle times are no law
	machine, err := ledger.NewMachine(l, c.Compress, c.Outer, x)
	if err != nil {
		return nil, err
	}
	return &state[T]{
		config: c, problem: p, fleet: f, machine: machine,
		journal: journal.New(rows, c.Clients.Count, c.Compress.Kind != "identity"),
		clients: make([]clientState, c.Clients.Count),
		frames:  ring{limit: machine.Model.Dense()},
	}, nil
}

// identity says which run this node is about to take part in.
func (s *state[T]) identity() genesis {
	x := make([]T, s.problem.Dim())
	s.problem.Start(x)
	samples := make([]float64, s.problem.Clients())
	for i := range samples {
		samples[i] = float64(s.problem.Samples(i))
	}
	return genesis{Config: s.config.YAML(), Start: ledger.Digest(x), Samples: ledger.Digest(samples)}
}

// errOtherRun is what a node says that is given the log of a run other than its own.
var errOtherRun = errors.New("this node is configured for another run")

// apply takes one entry. An error says that this node cannot go on: the log is not one that it understands, or its own
// record cannot be written.
func (s *state[T]) apply(entry []byte) (effect, error) {
	k, b, err := openEntry(entry)
	if err != nil {
		return effect{}, err
	}
	e := effect{kind: k}
	s.entries++
	switch k {
	case entryGenesis:
		return e, s.begin(b)
	case entryCommand:
		c, _, err := ledger.DecodeCommand(b)
		if err != nil {
			return e, err
		}
		return e, s.command(&e, c, nil)
	case entryFrame:
		p, err := decodePiece(b)
		s.gather(p)
		return e, err
	case entryAdmit:
		a, err := decodeAdmission(b)
		if err != nil {
			return e, err
		}
		return e, s.admit(&e, &a)
	case entryMeasured:
		m, err := decodeMeasured(b)
		if err != nil {
			return e, err
		}
		return e, s.measured(&e, m)
	case entryDigest:
		e.digest = new(digested)
		return e, transport.Decode(b, e.digest)
	default:
		e.finished = !s.finished
		s.finished = true
		return e, s.journal.Flush()
	}
}

func (s *state[T]) begin(b []byte) error {
	var g genesis
	if err := transport.Decode(b, &g); err != nil {
		return err
	}
	if s.genesis != nil {
		return nil // two leaders had the same thought
	}
	s.genesis = &g
	if err := s.compare(g); err != nil {
		return err
	}
	_, err := s.journal.Version(nil, 0, 0, true)
	return err
}

// compare says in what this node's configuration is not the run's.
func (s *state[T]) compare(g genesis) error {
	own := s.identity()
	if differs := config.Differences(g.Config, own.Config); len(differs) > 0 {
		return fmt.Errorf("%w: %s", errOtherRun, differs[0])
	}
	if own.Start != g.Start || own.Samples != g.Samples {
		return fmt.Errorf("%w: its data or its initial model are not the run's: are the data sets the same?", errOtherRun)
	}
	return nil
}

// gather keeps a frame of an update in several.
func (s *state[T]) gather(p piece) {
	at := &s.partial
	if at.Client != p.client || at.Seq != p.seq || compress.FragmentOf(p.frame) != at.Count {
		*at = partial{Client: p.client, Seq: p.seq, Bytes: at.Bytes[:0]}
		if compress.FragmentOf(p.frame) != 0 {
			*at = partial{}
			return
		}
	}
	at.Bytes = append(at.Bytes, p.frame...)
	at.Count++
}

// admit hands an update to the machine, if all of it is there.
func (s *state[T]) admit(e *effect, a *admission) error {
	e.client = a.command.Client
	update := a.frame
	if a.before > 0 {
		at := &s.partial
		if at.Client != a.command.Client || at.Seq != a.command.Seq || at.Count != a.before {
			e.cut = true
			s.partial = partial{}
			return nil
		}
		update = append(at.Bytes, a.frame...)
		s.partial = partial{Bytes: update[:0]}
	}
	var at clientState
	if int(a.command.Client) < len(s.clients) {
		at = s.clients[a.command.Client]
	}
	a.command.Time = max(a.command.Time, s.time)
	e.update, e.report = s.row(a, at, len(update)), &a.report
	return s.command(e, a.command, update)
}

// row is what is known of an update before it is decided on. Times of a client that works ahead of its assignments are
// reckoned back from the arrival.
func (s *state[T]) row(a *admission, at clientState, bytes int) record.UpdateRow {
	c, r := &a.command, &a.report
	started := at.Assigned + r.Waited
	finished := min(started+r.Computed, c.Time)
	if s.config.Local.Pipeline > 0 {
		finished = c.Time
		started = max(0, finished-r.Computed)
	}
	return record.UpdateRow{
		Client: int(c.Client), Seq: c.Seq, Base: c.Base,
		Assigned: seconds(at.Assigned), Started: seconds(min(started, finished)), Finished: seconds(finished), Arrived: seconds(c.Time),
		Loss: c.Loss, Norm: c.Norm, Samples: r.Samples, Steps: r.Steps, BytesUp: bytes, BytesDown: r.Downloaded,
		Contraction: r.Contraction, ErrorNorm: r.ErrorNorm, Eta: r.Eta,
	}
}

func seconds(t int64) float64 { return float64(t) / 1e9 }

// command has the machine decide and keeps the record.
func (s *state[T]) command(e *effect, c ledger.Command, update []byte) error {
	c.Time = max(c.Time, s.time) // a leader that was deposed may have stamped it and got it through after all
	s.time = c.Time
	d := s.machine.Apply(c, update)
	e.command, e.decision = c, d
	if c.Kind == ledger.Admit {
		if err := s.note(e, c, d); err != nil {
			return err
		}
	}
	for _, a := range d.Assign {
		s.clients[a.Client].Assigned, s.clients[a.Client].Base = c.Time, a.Base
	}
	if d.Commit == nil {
		return nil
	}
	return s.committed(e, d.Commit)
}

// note records an update and what became of it.
func (s *state[T]) note(e *effect, c ledger.Command, d *ledger.Decision) error {
	if d.Verdict == ledger.Duplicate || d.Reason == ledger.UnknownClient || d.Reason == ledger.NotAssigned || d.Reason == ledger.RunOver {
		return nil // nothing new became of it
	}
	s.settle(c.Client, transport.Outcome{Seq: c.Seq, Verdict: d.Verdict, Reason: d.Reason})
	e.update.Reason, e.update.Staleness = d.Reason.String(), int(d.Staleness)
	e.update.Score, e.update.Probability, e.update.Components, e.update.Density = d.Choice.Score, d.Choice.Probability, d.Choice.Components, d.Choice.Density
	k, r := &s.clients[c.Client], e.report
	k.Loss, k.Computed, k.Blocked = c.Loss, k.Computed+r.Computed, k.Blocked+r.Blocked
	s.journal.Spent(r.Computed, r.Blocked)
	s.journal.Returned += uint64(r.Returned)
	if r.Downloaded > 0 {
		s.journal.Downloaded(r.Downloaded)
	}
	return s.journal.Arrived(e.update, d.Verdict)
}

// settle remembers what became of a client's update.
func (s *state[T]) settle(client uint32, o transport.Outcome) {
	fates := &s.clients[client].Fates
	for i := range fates {
		if fates[i].Seq == o.Seq {
			fates[i] = o
			return
		}
	}
	fates[0], fates[1] = fates[1], o
}

// committed records a new version.
func (s *state[T]) committed(e *effect, c *ledger.Commit) error {
	for _, u := range c.Updates {
		s.settle(u.Client, transport.Outcome{Seq: u.Seq, Verdict: ledger.Admitted, Version: c.Version})
	}
	s.frames.add(c.Version, s.machine.Model.Frames())
	awaits := c.Version%uint64(s.config.Evaluate.Every) == 0
	row, err := s.journal.Version(c, seconds(c.Time), seconds(c.Time), awaits)
	e.version = &row
	return err
}

// measured takes in an evaluation: the record, the target, and the end of a run that diverged.
func (s *state[T]) measured(e *effect, m measured) error {
	s.time = max(s.time, m.Time)
	e.metrics = m.Metrics
	if err := s.journal.Measured(m.Version, m.Metrics); err != nil {
		return err
	}
	for _, v := range m.Metrics {
		if math.IsNaN(v.Value) || math.IsInf(v.Value, 0) {
			return s.command(e, ledger.Command{Kind: ledger.Stop, Time: s.time, Why: "diverged"}, nil)
		}
	}
	value, ok := m.Metrics.Get(s.config.Stop.Target.Metric)
	if !ok || m.Version == 0 { // the target is for what the run makes, not for what it starts from
		return nil
	}
	err := s.command(e, ledger.Command{Kind: ledger.Measure, Time: s.time, Value: value}, nil)
	if e.decision.Stopped == "target" {
		s.journal.Target = &record.TimeToTarget{Seconds: seconds(s.time), Versions: s.machine.Ledger.Version(), BytesUp: s.journal.BytesUp}
	}
	return err
}

// standing is all there is to tell a client.
func (s *state[T]) standing(client uint32) transport.Note {
	at := s.machine.Ledger.Standing(client)
	n := transport.Note{Client: client, Seq: at.Seq, Base: s.machine.Ledger.Version(), Awaited: at.Awaited, Density: at.Density, Epoch: s.machine.Model.Cursor(client).Epoch}
	if int(client) < len(s.clients) {
		for _, o := range s.clients[client].Fates {
			if o.Seq > 0 {
				n.Outcomes = append(n.Outcomes, o)
			}
		}
	}
	return n
}

// summary is what the run came to so far.
func (s *state[T]) summary() record.Summary {
	l := s.machine.Ledger
	cycles := make([]int64, s.config.Clients.Count)
	for i := range cycles {
		cycles[i] = l.Standing(uint32(i)).Cycle
	}
	var epochs uint64
	for i := range s.clients {
		epochs += uint64(s.machine.Model.Cursor(uint32(i)).Epoch)
	}
	stopped := l.Stopped()
	if stopped == "" {
		stopped = "interrupt"
	}
	sum := s.journal.Summary(l, journal.Facts{
		Kind: "cluster", Config: s.config, Dim: s.problem.Dim(), Now: s.time, Wall: seconds(s.time), StoppedBy: stopped,
		Digest: s.machine.Model.Digest(), Fleet: s.fleet, Cycles: cycles, Epochs: epochs,
	})
	var optimum []float64
	if p, ok := any(s.problem).(interface{ Optimum() []float64 }); ok {
		optimum = p.Optimum()
	}
	journal.Model(&sum, s.machine.Model.Newest().X, optimum)
	return sum
}

// elapsed is the run's time a while after the last command; it stands still until the run starts.
func (s *state[T]) elapsed(since time.Duration) int64 {
	if !s.machine.Ledger.Started() {
		return s.time
	}
	return s.time + int64(since)
}
