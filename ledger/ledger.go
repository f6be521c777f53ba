package ledger

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"

	"weir/aggregate"
	"weir/selection"
	"weir/staleness"
)

type state uint8

const (
	absent state = iota
	free
	working
	waiting
	straggling
)

// client is what the ledger knows of one client: about 72 bytes, since there may be a million.
type client struct {
	samples   uint64
	cycle     int64   // as it was told when it registered, in nanoseconds; 0 is not known
	took      int64   // its last cycle, where it was not told
	seq       uint64  // of the last round it was given; the first is 1
	admitted  uint64  // last sequence number that was decoded
	committed uint64  // updates of it that are in the model
	share     float64 // sum of their weights, after normalisation
	slot      uint32  // in Ledger.flights, of a client that has one
	state     state
	listed    bool // in Ledger.free; a client that left is taken out only when it is drawn
}

// Ledger decides. See the package comment for its rules.
type Ledger struct {
	config   Config
	closing  aggregate.Closing
	weigher  *aggregate.Weigher
	aging    staleness.Rule
	selector selection.Selector
	source   *rand.PCG
	random   *rand.Rand

	version uint64
	windows uint64 // that closed, those without an update included
	opened  int64
	span    int64 // fedfix: time between commits; 0 where it is left to the clients and not known yet
	// retimeAt is how many windows there will have been when span is measured again; 0 where it is given, or known.
	retimeAt uint64
	started  bool
	stopped  string

	clients []client
	samples uint64   // of all clients that ever registered
	free    []uint32 // candidates for the next assignment, see client.listed
	round   []uint32 // clients of the open round, when the policy works in rounds
	working int      // slots in use; in a round, clients that are still awaited
	changed bool     // the population changed since the weigher was told

	known   []selection.Client // by client, what selection goes by; empty unless it is informed
	pace    selection.Pace
	flights []flight
	vacant  []uint32 // places of flights that are not in use

	window []Entry // the open window
	parts  float64 // its normaliser

	measures []float64 // the last TargetMean values of the target's metric
	counts   Counts
	age      staleness.Histogram // of admitted updates
	path     *staleness.Path     // how far the model moved, for the rule gap; else nil

	decision Decision
	commit   Commit
	spare    []Entry // the last commit's entries, reused for the next window but one
}

// Counts counts updates by what became of them.
type Counts struct{ Admitted, Committed, Late, Duplicate, Refused uint64 }

// New returns a ledger in which nobody is registered, or every fault of c.
func New(c Config) (*Ledger, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	aging, err := staleness.New(c.Staleness)
	if err != nil {
		return nil, err
	}
	selector, err := selection.New(c.Selection)
	if err != nil {
		return nil, err
	}
	source := rand.NewPCG(c.Seed, 0x6c6564676572) // a stream of its own: "ledger"
	l := &Ledger{config: c, aging: aging, selector: selector, source: source, random: rand.New(source)}
	if c.Staleness.Kind == "gap" {
		l.path = &staleness.Path{}
	}
	return l, l.follow(c.Aggregate.Window)
}

// follow sets the policy, with windows of the given time.
func (l *Ledger) follow(window int64) error {
	c := l.config.Aggregate
	c.Window = window
	closing, err := aggregate.New(c)
	if err != nil {
		return err
	}
	l.span, l.closing, l.weigher = window, closing, aggregate.NewWeigher(c, closing)
	return nil
}

// Apply decides on one command. The decision is valid until the next call.
func (l *Ledger) Apply(c Command) *Decision {
	l.decision = Decision{Assign: l.decision.Assign[:0]}
	d := &l.decision
	if l.stopped != "" {
		if c.Kind == Admit {
			l.refuse(d, RunOver)
		}
		return d
	}
	switch c.Kind {
	case Register:
		l.register(c)
	case Start:
		l.start(c.Time)
	case Admit:
		l.admit(d, c)
	case Leave:
		l.leave(c)
	case Tick:
		l.tick(d, c.Time)
	case Measure:
		l.measure(d, c.Value)
	case Stop:
		l.stop(d, c.Why)
	}
	if l.started {
		l.settle(d, c.Time)
	}
	return d
}

// start opens the first window. A window that the config leaves to the clients is the median of their cycle times.
func (l *Ledger) start(now int64) {
	if l.started {
		return
	}
	l.started, l.opened = true, now
	switch {
	case l.config.Aggregate.Kind != "fedfix" || l.span > 0:
	case len(l.population().Cycles) > 0:
		must(0, l.follow(l.medianCycle(now)))
	default:
		l.retimeAt = 1
	}
}

// retime sets the window's length where it is left to clients whose cycle times show only in the run: when the first window
// has closed, which half of them did, and whenever twice as many have passed; two windows later when it has changed much,
// since the cause may have been a moment in which everything stood still.
func (l *Ledger) retime(now int64) {
	if l.retimeAt == 0 || l.windows < l.retimeAt {
		return
	}
	last, span := l.span, max(1, l.medianCycle(now))
	if last > 0 { // participation is counted in windows of the new length
		l.windows = uint64(min(max(1, float64(l.windows)*float64(last)/float64(span)), 1<<53))
	}
	must(0, l.follow(span))
	l.changed = true
	l.retimeAt = l.windows + 2
	if last/2 <= span && span/2 <= last {
		l.retimeAt = max(l.retimeAt, 2*l.windows)
	}
}

// medianCycle is the median of the cycle times that are known. A client's first, under way, is at least what it has taken.
func (l *Ledger) medianCycle(now int64) int64 {
	var known []int64
	for i := range l.clients {
		k := &l.clients[i]
		cycle := cmp.Or(k.cycle, k.took)
		if cycle == 0 && k.state == working {
			cycle = now - l.flights[k.slot].assigned
		}
		if cycle > 0 {
			known = append(known, cycle)
		}
	}
	n := len(known)
	if n == 0 {
		return 0
	}
	slices.Sort(known)
	return known[(n-1)/2] + (known[n/2]-known[(n-1)/2])/2
}

// settle closes the window if it is full and gives the free slots to free clients.
func (l *Ledger) settle(d *Decision, now int64) {
	if d.Commit == nil && len(l.window) > 0 && l.closing.Full(len(l.window), l.working) {
		l.windows++
		l.close(d, now)
		l.retime(now)
	}
	if l.stopped == "" {
		l.assign(d, now)
	}
}

func (l *Ledger) register(c Command) {
	if int(c.Client) > len(l.clients) || c.Samples == 0 {
		return // a gap in the numbering, or a client that could never weigh anything
	}
	if int(c.Client) == len(l.clients) {
		l.clients = append(l.clients, client{samples: c.Samples, cycle: c.Cycle})
		l.samples += c.Samples
		l.changed = true
		l.meet(c)
	}
	if k := &l.clients[c.Client]; k.state == absent {
		l.release(c.Client, k)
	}
}

// release makes a client free.
func (l *Ledger) release(id uint32, k *client) {
	k.state = free
	if !k.listed {
		k.listed = true
		l.free = append(l.free, id)
	}
}

func (l *Ledger) leave(c Command) {
	if int(c.Client) >= len(l.clients) {
		return
	}
	k := &l.clients[c.Client]
	if k.state == working {
		l.working--
	}
	if k.state == working || k.state == straggling {
		l.vacate(k)
	}
	// An update that was admitted stays in its window: its client delivered.
	k.state = absent
}

func (l *Ledger) admit(d *Decision, c Command) {
	switch {
	case int(c.Client) >= len(l.clients):
		l.refuse(d, UnknownClient)
		return
	case c.Seq <= l.clients[c.Client].admitted: // also of a client that has left since
		d.Verdict = Duplicate
		l.counts.Duplicate++
		return
	case l.clients[c.Client].state == absent:
		l.refuse(d, UnknownClient)
		return
	case l.clients[c.Client].state != working && l.clients[c.Client].state != straggling || c.Seq != l.clients[c.Client].seq:
		l.refuse(d, NotAssigned)
		return
	}
	k := &l.clients[c.Client]
	late := k.state == straggling
	if !late {
		l.working--
	}
	flight := l.vacate(k)
	d.Choice = flight.Choice
	if k.cycle == 0 {
		k.took = max(1, c.Time-flight.assigned)
	}
	fault := c.Fault
	if fault == None && !(finite(c.Loss) && finite(c.Norm)) {
		fault = NotFinite
	}
	if fault == None && c.Base > l.version {
		fault = UnknownBase
	}
	if fault != None {
		l.refuse(d, fault)
		l.release(c.Client, k)
		return
	}
	k.admitted = c.Seq
	l.learn(c, flight)
	d.Staleness = l.version - c.Base
	if late || l.config.Staleness.TooOld(d.Staleness) {
		d.Verdict, d.Reason = Late, TooOld
		if late {
			d.Reason = RoundOver
		}
		l.counts.Late++
		l.release(c.Client, k)
		return
	}
	l.collect(d, c, k)
}

// collect puts an update into the open window.
func (l *Ledger) collect(d *Decision, c Command, k *client) {
	k.state = waiting
	l.prepareWeigher(0)
	age := staleness.Age{Versions: d.Staleness}
	if l.path != nil {
		age.Gap = l.path.Since(c.Base)
	}
	weight, part := l.weigher.Weight(aggregate.Update{
		Client:    int(c.Client),
		Share:     l.Share(c.Client),
		Clients:   len(l.clients),
		Committed: float64(k.committed + 1),
		Windows:   float64(l.windows + 1),
		Factor:    l.aging.Factor(age),
		Score:     d.Choice.Score,
	})
	d.Verdict, d.Weight = Admitted, weight
	l.parts += part
	l.window = append(l.window, Entry{
		Client: c.Client, Seq: c.Seq, Staleness: d.Staleness, Weight: weight, Loss: c.Loss, Norm: c.Norm,
	})
	l.counts.Admitted++
	l.age.Add(d.Staleness)
}

// prepareWeigher tells the weigher of a population that has changed, which costs O(n log n): not at every arrival. Newly
// is how many updates have been committed since it was last called.
func (l *Ledger) prepareWeigher(newly int) {
	if !l.weigher.Unbiased() {
		return
	}
	if l.changed {
		l.changed = false
		l.weigher.Reset(len(l.clients), l.population())
	}
	l.weigher.Median(newly, l.committed, float64(l.windows))
}

func (l *Ledger) committed(i int) float64 { return float64(l.clients[i].committed) }

func (l *Ledger) population() aggregate.Population {
	p := aggregate.Population{Concurrency: min(l.config.Concurrency, len(l.clients)), Dropouts: l.config.Dropouts}
	cycles := make([]float64, len(l.clients))
	for i := range l.clients {
		if l.clients[i].cycle <= 0 {
			return p
		}
		cycles[i] = float64(l.clients[i].cycle)
	}
	p.Cycles = cycles
	return p
}

func (l *Ledger) refuse(d *Decision, why Reason) {
	d.Verdict, d.Reason = Refused, why
	l.counts.Refused++
}

// tick closes the window if it is due. A window without an update makes no version; it has passed all the same.
func (l *Ledger) tick(d *Decision, now int64) {
	if l.started && l.closing.Due(l.opened) <= now {
		l.windows++
		if len(l.window) > 0 {
			l.close(d, now)
		} else {
			l.opened = now
		}
		l.retime(now)
	}
	if l.config.Stop.Time > 0 && now >= l.config.Stop.Time {
		l.stop(d, "time")
	}
}

// close commits the open window and opens the next.
func (l *Ledger) close(d *Decision, now int64) {
	l.version++
	scale := l.weigher.Scale(l.parts)
	sum, squares := 0.0, 0.0
	for _, e := range l.window {
		sum += e.Weight
		squares += float64(e.Weight * e.Weight)
	}
	l.commit = Commit{Version: l.version, Time: now, Scale: scale, Rate: l.aging.Rate(len(l.window), sum, squares), Updates: l.window}
	for _, e := range l.window {
		k := &l.clients[e.Client]
		k.committed++
		k.share += l.commit.Weight(e)
		if k.state == waiting {
			l.release(e.Client, k)
		}
	}
	l.counts.Committed += uint64(len(l.window))
	l.advance()
	l.prepareWeigher(len(l.window))
	for _, id := range l.round {
		if k := &l.clients[id]; k.state == working {
			k.state = straggling
			l.working--
		}
	}
	l.round = l.round[:0]
	d.Commit = &l.commit
	l.window, l.spare = l.spare[:0], l.window
	l.parts = 0
	l.opened = now
	if bound := l.config.Stop.Versions; bound > 0 && l.version >= bound {
		l.stop(d, "versions")
	}
}

// measure judges the stop target.
func (l *Ledger) measure(d *Decision, value float64) {
	target := l.config.Stop.Target
	if target == nil {
		return
	}
	if len(l.measures) == TargetMean {
		copy(l.measures, l.measures[1:])
		l.measures = l.measures[:TargetMean-1]
	}
	l.measures = append(l.measures, value)
	sum := 0.0
	for _, v := range l.measures {
		sum += v
	}
	mean := sum / TargetMean
	if len(l.measures) == TargetMean && (target.Smaller && mean <= target.Value || !target.Smaller && mean >= target.Value) {
		l.stop(d, "target")
	}
}

func (l *Ledger) stop(d *Decision, why string) {
	if l.stopped == "" {
		l.stopped = why
		d.Stopped = why
	}
}

// Due is the next time at which the ledger wants a tick, or aggregate.Never.
func (l *Ledger) Due() int64 {
	due := int64(aggregate.Never)
	if l.stopped != "" {
		return due
	}
	if l.started {
		due = l.closing.Due(l.opened)
	}
	if bound := l.config.Stop.Time; bound > 0 {
		due = min(due, bound)
	}
	return due
}

// Measures reports whether the ledger wants to be told by Moved how far every version is from the one before.
func (l *Ledger) Measures() bool { return l.path != nil }

// Moved tells the length of the step to the newest version, right after the Apply that committed it.
func (l *Ledger) Moved(length float64) { l.path.Move(length) }

// Version is the newest version.
func (l *Ledger) Version() uint64 { return l.version }

// Window is the time between commits in nanoseconds, under fedfix; 0 elsewhere, and while it is not known.
func (l *Ledger) Window() int64 {
	if l.config.Aggregate.Kind != "fedfix" {
		return 0
	}
	return l.span
}

// Stopped is why the run ended, or empty while it goes on.
func (l *Ledger) Stopped() string { return l.stopped }

// Counts says what became of the updates so far.
func (l *Ledger) Counts() Counts { return l.counts }

// Staleness is the histogram of admitted updates.
func (l *Ledger) Staleness() *staleness.Histogram { return &l.age }

// Participation appends, for every client, how many of its updates are in the model.
func (l *Ledger) Participation(dst []uint64) []uint64 {
	for i := range l.clients {
		dst = append(dst, l.clients[i].committed)
	}
	return dst
}

// Standing is where a client stands.
type Standing struct {
	Seq       uint64  // the newest round that it was given; 0 before the first
	Awaited   bool    // that round's update is still waited for
	Density   float64 // of that update, as long as it is awaited: Choice.Density
	Waiting   bool    // that round's update is in the open window
	Present   bool    // it registered and has not left
	Admitted  uint64  // the last update that was decoded
	Committed uint64  // how many of its updates are in the model
	Cycle     int64   // nanoseconds, as it was told when it registered, else of its last round; 0 is not known
}

// Standing is where the client stands; the zero Standing for one that never registered.
func (l *Ledger) Standing(id uint32) Standing {
	if !l.Known(id) {
		return Standing{}
	}
	k := &l.clients[id]
	density := 0.0
	if k.state == working || k.state == straggling {
		density = l.flights[k.slot].Density
	}
	return Standing{
		Density: density,
		Seq:     k.seq, Awaited: k.state == working || k.state == straggling, Waiting: k.state == waiting, Present: k.state != absent,
		Admitted: k.admitted, Committed: k.committed, Cycle: cmp.Or(k.cycle, k.took),
	}
}

// Gathered is how many updates the open window holds.
func (l *Ledger) Gathered() int { return len(l.window) }

// Clients is how many ever registered.
func (l *Ledger) Clients() int { return len(l.clients) }

// Started says whether work has been given out.
func (l *Ledger) Started() bool { return l.started }

// Known reports whether the client ever registered.
func (l *Ledger) Known(client uint32) bool { return int(client) < len(l.clients) }

// Share is the client's share p_i of all data; 0 for a client that never registered.
func (l *Ledger) Share(client uint32) float64 {
	if !l.Known(client) {
		return 0
	}
	return float64(l.clients[client].samples) / float64(l.samples)
}

// Shares returns each client's achieved share q_i/sum q of the model and its target p_i. Before the first commit the
// achieved shares are all 0.
func (l *Ledger) Shares() (achieved, target []float64) {
	achieved = make([]float64, len(l.clients))
	target = make([]float64, len(l.clients))
	total := 0.0
	for i := range l.clients {
		total += l.clients[i].share
	}
	for i := range l.clients {
		if total > 0 {
			achieved[i] = l.clients[i].share / total
		}
		target[i] = l.Share(uint32(i))
	}
	return achieved, target
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
