package simulate

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"time"

	"weir/aggregate"
	"weir/compress"
	"weir/config"
	"weir/fleet"
	"weir/journal"
	"weir/ledger"
	"weir/problem"
	"weir/record"
	"weir/selection"
	"weir/spill"
	"weir/vec"
)

// run is one simulation. Everything in it belongs to the event loop.
type run[T vec.Float] struct {
	config  config.Config
	opt     Options
	problem problem.Problem[T]
	fleet   *fleet.Fleet
	cycles  []int64 // expected, with dense transfers
	codec   *compress.Codec[T]
	machine *ledger.Machine[T]
	spilled *spill.Mirrors[T] // the machine's decoder memory; nil when it has none by client
	pool    *pool[T]

	now       int64
	events    heap[event]
	flights   []*flight[T] // by client; nil for one that is not in flight
	spare     []*flight[T]
	memory    []*compress.Memory[T]  // by client: its feedback state; nil until it has some
	before    []T                    // the newest version's parameters, when the direction is kept
	direction selection.Direction[T] // in which the model has moved

	held []uint64 // by client: 1 + the version it holds; 0 before it holds any

	ahead []*pipeline[T] // by client, in a run in which they work ahead, without flights; else empty

	tally   tally
	journal *journal.Journal
	began   time.Time
	wall    time.Duration // before the run was resumed
}

func start[T vec.Float](ctx context.Context, cfg config.Config, opt Options, p problem.Problem[T]) (Result, error) {
	r, err := prepare(ctx, cfg, opt, p)
	if err != nil {
		return Result{}, err
	}
	defer r.close()
	if opt.Resume {
		if err := r.restore(); err != nil {
			return Result{}, err
		}
	} else {
		err = r.launch()
	}
	if err == nil {
		err = r.loop(ctx)
	}
	switch {
	case err == nil:
		err = r.finish()
	case errors.Is(err, context.Canceled):
		err = errors.Join(err, r.interrupt())
	}
	return r.result(err), errors.Join(err, r.journal.Flush())
}

// close ends the pool and removes what was spilled. A fault of spilling cost memory, and nothing else.
func (r *run[T]) close() {
	r.pool.close()
	if r.spilled != nil {
		r.spilled.Close() //nolint:errcheck // see above
	}
}

func prepare[T vec.Float](ctx context.Context, cfg config.Config, opt Options, p problem.Problem[T]) (*run[T], error) {
	if p.Clients() != cfg.Clients.Count {
		return nil, cfg.Fault("clients.count", "must be %d: the problem has data for as many", p.Clients())
	}
	for i := range p.Clients() {
		if p.Samples(i) < 1 {
			return nil, cfg.Fault("clients.count", "client %d of %d holds no data: take fewer clients or another partition", i, p.Clients())
		}
	}
	f, err := fleet.New(cfg)
	if err != nil {
		return nil, err
	}
	r := &run[T]{config: cfg, opt: opt, problem: p, fleet: f, began: time.Now()}
	x := make([]T, p.Dim())
	p.Start(x)
	if cfg.Selection.Directed() {
		r.before = x
	}
	if r.cycles, err = fleet.ExpectedCycles[T](f, cfg.Compress, p.Dim()); err != nil {
		return nil, err
	}
	r.machine, err = ledger.NewMachine(cfg.Ledger(), cfg.Compress, cfg.Outer, x)
	if err != nil {
		return nil, err
	}
	r.codec = r.machine.Model.Codec()
	if r.codec.Mirrored() {
		r.spilled, err = spill.New(r.codec, int64(cfg.Compress.Budget), "")
		if err != nil {
			return nil, err
		}
		r.machine.Model.KeepMirrors(r.spilled)
	}
	r.flights = make([]*flight[T], cfg.Clients.Count)
	r.held = make([]uint64, cfg.Clients.Count)
	r.tally.Published = []uint64{0}
	r.memory = make([]*compress.Memory[T], cfg.Clients.Count)
	r.journal = journal.New(opt.Rows, cfg.Clients.Count, cfg.Compress.Kind != "identity")
	if cfg.Local.Pipeline > 0 {
		for range cfg.Clients.Count {
			r.ahead = append(r.ahead, &pipeline[T]{})
		}
	}
	r.pool = newPool(ctx, p, r.codec, runtime.GOMAXPROCS(0))
	return r, nil
}

// launch evaluates the initial model, registers everybody and starts the run.
func (r *run[T]) launch() error {
	if err := r.version(nil, r.evaluate(r.machine.Model.Newest())); err != nil {
		return err
	}
	for i := range r.flights {
		if err := r.tell(r.registration(uint32(i))); err != nil {
			return err
		}
	}
	return r.tell(ledger.Command{Kind: ledger.Start})
}

func (r *run[T]) registration(client uint32) ledger.Command {
	return ledger.Command{
		Kind: ledger.Register, Time: r.now, Client: client,
		Samples: uint64(r.problem.Samples(int(client))), Cycle: r.cycles[client],
	}
}

// loop handles events in virtual time until the ledger stops the run.
func (r *run[T]) loop(ctx context.Context) error {
	for steps := 0; r.machine.Ledger.Stopped() == ""; steps++ {
		if steps%64 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		r.tally.Events++
		var err error
		switch due := r.machine.Ledger.Due(); {
		case len(r.events) > 0 && r.events[0].Time <= due:
			e := r.events.pop()
			r.now = e.Time
			if err = r.handle(e); errors.Is(err, context.Canceled) { // it comes again when the run is resumed
				r.events.push(e)
				r.tally.Events--
			}
		case due == aggregate.Never:
			err = errors.New("nobody is at work and nothing is due")
		default:
			r.now = due
			err = r.tell(ledger.Command{Kind: ledger.Tick, Time: r.now})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// apply logs a command and hands it to the machine.
func (r *run[T]) apply(c ledger.Command, update []byte) (*ledger.Decision, error) {
	if r.opt.Log != nil {
		if err := r.opt.Log(c, update); err != nil {
			return nil, err
		}
	}
	return r.machine.Apply(c, update), nil
}

// tell applies a command without an update and follows the decision.
func (r *run[T]) tell(c ledger.Command) error {
	d, err := r.apply(c, nil)
	if err != nil {
		return err
	}
	return r.follow(d)
}

func (r *run[T]) handle(e event) error {
	switch e.Kind {
	case dropped:
		f := r.flights[e.Client]
		worked := max(0, min(r.now, f.finished)-f.started)
		r.journal.Spent(worked, r.now-f.assigned-worked)
		if f.state == done { // the update was on its way
			if err := r.takeBack(f); err != nil {
				return err
			}
		}
		r.land(f)
		random := fleet.Return(r.config.Seed, e.Client, f.seq)
		away := random.ExpFloat64() * float64(r.config.Clients.Away)
		r.events.push(event{r.now + max(1, int64(away)), returned, e.Client})
		return r.tell(ledger.Command{Kind: ledger.Leave, Time: r.now, Client: e.Client})
	case returned:
		return r.tell(r.registration(e.Client))
	case fetched:
		r.fetched(e.Client)
		return nil
	case awaited:
		return r.goOn(e.Client)
	case computed:
		if r.ahead != nil {
			return r.made(e.Client)
		}
		f := r.flights[e.Client]
		if err := r.collect(f); err != nil {
			return err
		}
		at, kind := r.now+r.fleet.Up(len(f.update)), uint8(arrived)
		if f.drops < at {
			at, kind = f.drops, dropped
		}
		r.events.push(event{at, kind, e.Client})
		return nil
	default:
		if r.ahead != nil {
			return r.landed(e.Client)
		}
		return r.arrive(r.flights[e.Client])
	}
}

// collect waits for a flight's work and judges what came of it.
func (r *run[T]) collect(f *flight[T]) error {
	r.pool.wait(f)
	switch {
	case errors.Is(f.err, compress.ErrNotFinite), f.err == nil && (math.IsNaN(f.report.Loss) || math.IsInf(f.report.Loss, 0)):
		return &DivergedError{Version: r.machine.Ledger.Version(), Client: int(f.client)}
	case f.err != nil:
		if errors.Is(f.err, context.Canceled) {
			return context.Canceled
		}
		return fmt.Errorf("client %d, round %d: %w", f.client, f.seq, f.err)
	}
	return nil
}

// arrive hands an update to the machine and ends its flight.
func (r *run[T]) arrive(f *flight[T]) error {
	if err := r.collect(f); err != nil {
		return err
	}
	f.arrives = r.now
	r.journal.Spent(f.finished-f.started, f.started-f.assigned+r.now-f.finished)
	d, err := r.admit(f)
	switch {
	case err != nil:
	case d.Verdict == ledger.Refused:
		err = r.takeBack(f)
	case d.Verdict == ledger.Late && !r.codec.Mean():
		r.journal.Returned++
		err = r.codec.Expire(r.remember(f.client), f.update)
	}
	if err != nil {
		return err
	}
	r.land(f)
	return r.follow(d)
}

// admit hands an update to the machine.
func (r *run[T]) admit(f *flight[T]) (*ledger.Decision, error) {
	sent := f.update
	if r.opt.damages != nil && r.opt.damages(f.client, f.seq) {
		sent = slices.Clone(sent)
		sent[len(sent)-1] ^= 1
	}
	d, err := r.apply(ledger.Command{
		Kind: ledger.Admit, Time: r.now, Client: f.client, Seq: f.seq, Base: f.base.Number,
		Samples: uint64(f.report.Samples), Loss: f.report.Loss, RMS: f.report.RMS, Cosine: f.cosine, Norm: f.stats.Norm,
	}, sent)
	if err == nil {
		err = r.journal.Arrived(r.arrived(f, d), d.Verdict)
	}
	return d, err
}

// takeBack folds an update that was never decoded into its client's error memory, so that nothing is lost.
func (r *run[T]) takeBack(f *flight[T]) error {
	r.journal.Returned++
	return r.codec.Return(r.remember(f.client), f.update)
}

// remember is the client's feedback memory, made if need be.
func (r *run[T]) remember(client uint32) *compress.Memory[T] {
	if r.memory[client] == nil {
		r.memory[client] = r.codec.NewMemory(0)
	}
	return r.memory[client]
}

// land ends a flight.
func (r *run[T]) land(f *flight[T]) {
	r.machine.Model.Release(f.base)
	r.flights[f.client] = nil
	r.spare = append(r.spare, f)
}

// follow does what the ledger decided: it sends clients to work and evaluates and records a new version. The clients
// are first, so that their work goes on while the version is evaluated.
func (r *run[T]) follow(d *ledger.Decision) error {
	c := d.Commit
	if c != nil {
		n := len(r.tally.Published)
		r.tally.Published = append(r.tally.Published, r.tally.Published[n-1]+uint64(r.machine.Model.Newest().Bytes))
	}
	if c != nil && r.config.Selection.Directed() {
		r.direction = r.direction.Moved(r.before, r.machine.Model.Newest().X)
		copy(r.before, r.machine.Model.Newest().X)
	}
	if c != nil && r.ahead != nil {
		r.settle(c)
	}
	for _, a := range d.Assign {
		if r.ahead != nil {
			r.await(a)
		} else {
			r.depart(a)
		}
	}
	if c == nil {
		return nil
	}
	var metrics problem.Metrics
	if every := uint64(r.config.Evaluate.Every); every > 0 && c.Version%every == 0 {
		metrics = r.evaluate(r.machine.Model.Newest())
	}
	if err := r.version(c, metrics); err != nil {
		return err
	}
	if d.Stopped == "diverged" || !finite(metrics) {
		return &DivergedError{Version: c.Version - 1, Client: -1}
	}
	return r.judge(metrics)
}

// judge tells the ledger the metric that may stop the run.
func (r *run[T]) judge(metrics problem.Metrics) error {
	name := r.config.Stop.Target.Metric
	value, ok := metrics.Get(name)
	if !ok || name == "" {
		return nil
	}
	d, err := r.apply(ledger.Command{Kind: ledger.Measure, Time: r.now, Value: value}, nil)
	if err == nil && d.Stopped == "target" {
		r.journal.Target = &record.TimeToTarget{
			Seconds: seconds(r.now), Versions: r.machine.Ledger.Version(), BytesUp: r.journal.BytesUp,
		}
	}
	return err
}

// depart sends a client to work.
func (r *run[T]) depart(a ledger.Assignment) {
	var f *flight[T]
	if n := len(r.spare); n > 0 {
		f, r.spare = r.spare[n-1], r.spare[:n-1]
	} else {
		f = &flight[T]{}
	}
	model := r.machine.Model
	download := r.download(a)
	*f = flight[T]{
		client: a.Client, seq: a.Seq, base: model.Hold(model.Newest()), update: f.update[:0],
		round:    problem.Round{Client: int(a.Client), Epochs: r.fleet.Epochs(a.Client), Seed: fleet.Round(r.config.Seed, a.Client, a.Seq)},
		assigned: r.now, started: r.now + r.fleet.Down(download), downloaded: download,
	}
	f.direction, f.density = r.direction, a.Choice.Density
	f.finished = f.started + r.fleet.Compute(a.Client)
	r.flights[a.Client] = f
	r.journal.Downloaded(download)
	f.memory = r.memory[a.Client]
	if f.memory == nil && r.config.Compress.Feedback != "none" {
		f.memory = r.remember(a.Client)
	}
	f.drops = r.fate(f)
	r.takeOff(f)
}

// download is the bytes that bring a client to the base of its assignment: the frames of the versions since the one it
// holds, or all of the model where that is less.
func (r *run[T]) download(a ledger.Assignment) int {
	dense := r.machine.Model.Dense()
	held := r.held[a.Client]
	r.held[a.Client] = a.Base + 1
	if held == 0 {
		return dense
	}
	return int(min(uint64(dense), r.tally.Published[a.Base]-r.tally.Published[held-1]))
}

// fate is when the client drops out of this round: at any moment of it alike, or never.
func (r *run[T]) fate(f *flight[T]) int64 {
	chance := r.config.Clients.Dropout
	if chance == 0 {
		return aggregate.Never
	}
	random := fleet.Fate(r.config.Seed, f.client, f.seq)
	if random.Float64() >= chance {
		return aggregate.Never
	}
	return f.assigned + int64(random.Float64()*float64(f.finished+r.fleet.Up(0)-f.assigned))
}

// takeOff has a flight's work done and its arrival awaited.
func (r *run[T]) takeOff(f *flight[T]) {
	if f.drops < f.finished {
		r.events.push(event{f.drops, dropped, f.client})
		return
	}
	if r.problem.Dim() > 0 { // nothing to gain from another core otherwise
		r.pool.submit(f)
	}
	kind := uint8(computed)
	if r.fleet.FreeUp() {
		kind = arrived
	}
	r.events.push(event{f.finished, kind, f.client})
}

// evaluate measures a version on all cores.
func (r *run[T]) evaluate(v *ledger.Version[T]) problem.Metrics {
	model := r.machine.Model
	defer model.Release(model.Hold(v))
	return r.problem.Evaluate(v.X, r.pool.each)
}

func seconds(t int64) float64 { return float64(t) / 1e9 }
