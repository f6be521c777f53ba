package coordinator

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/hashicorp/raft"
	"go.uber.org/zap"

	"weir/claim"
	"weir/journal"
	"weir/problem"
	"weir/problem/kinds"
	"weir/record"
	"weir/transport"
	"weir/vec"
)

// How long a node stays after the end of its run.
const (
	lingers       = 2 * time.Second
	lingersAtMost = 20 * time.Second
)

// Run is one node of a coordinator until the run is over, ctx is done, or the node cannot go on. It hands leadership to
// another node before it ends.
func Run(ctx context.Context, cfg Config) error {
	if err := cfg.validate(); err != nil {
		return err
	}
	opened, err := kinds.Open(cfg.Run, cfg.Data)
	if err != nil {
		return err
	}
	switch p := opened.(type) {
	case problem.Problem[float32]:
		return run(ctx, cfg, p)
	case problem.Problem[float64]:
		return run(ctx, cfg, p)
	}
	return fmt.Errorf("problem.kind: %q: %T works in no arithmetic that weir knows", cfg.Run.Problem.Kind, opened)
}

// node is one member of the coordinator.
type node[T vec.Float] struct {
	cfg      Config
	log      *zap.Logger
	subjects transport.Subjects
	problem  problem.Problem[T]
	folder   *claim.Folder // nil in memory
	storage  storage
	raft     *raft.Raft
	rec      *record.Run // nil in memory
	recorder *recorder   // nil unless frames are recorded
	counts   *counters

	neighbours *neighbours

	mu        sync.Mutex // guards what follows
	state     *state[T]
	history   *record.History
	at        time.Time // when the run's time, as the log has it, last went on here
	lead      *lead[T]  // nil unless this node leads
	broken    error
	logged    int64 // bytes of the log since the last snapshot
	commits   int64 // and versions that they led to
	checks    digests
	wholes    wholes
	done      chan struct{} // closed when the run is over
	once      sync.Once     // for it
	fail      context.CancelCauseFunc
	snapshots chan struct{} // asks for one
	digesting chan digestJob[T]
}

func run[T vec.Float](ctx context.Context, cfg Config, p problem.Problem[T]) error {
	if p.Clients() != cfg.Run.Clients.Count {
		return cfg.Run.Fault("clients.count", "must be %d: the problem has data for as many", p.Clients())
	}
	if err := cfg.fits(p.Dim(), vec.Size[T]()); err != nil {
		return err
	}
	cfg.holdMemory(p.Dim(), vec.Size[T]())
	n := &node[T]{
		cfg: cfg, log: cfg.Log.With(zap.String("node", cfg.Node)), subjects: cfg.Subjects, problem: p,
		counts: cmp.Or(cfg.counts, newCounters()), history: record.NewHistory(), done: make(chan struct{}), snapshots: make(chan struct{}, 1), digesting: make(chan digestJob[T], 4),
	}
	n.neighbours = newNeighbours(&n.cfg)
	defer n.neighbours.close()
	ctx, n.fail = context.WithCancelCause(ctx)
	defer n.fail(nil)
	if err := n.open(); err != nil {
		return errors.Join(err, n.close())
	}
	err := n.serve(ctx)
	return errors.Join(err, n.close())
}

// open prepares the record, the state and raft.
func (n *node[T]) open() (err error) {
	if n.cfg.Dir != "" {
		if n.folder, err = claim.Take(n.cfg.Dir); err != nil {
			return fmt.Errorf("node %s: %w", n.cfg.Node, err)
		}
		if n.rec, err = n.openRecord(); err != nil {
			return err
		}
		if n.cfg.RecordFrames {
			if n.recorder, err = openRecorder(filepath.Join(n.cfg.Dir, "ledger")); err != nil {
				return err
			}
		}
	}
	if n.state, err = newState(n.cfg.Run, n.problem, n.rows()); err != nil {
		return err
	}
	n.at = time.Now()
	if n.storage, err = openStorage(n.cfg.Dir, cmp.Or(n.cfg.segment, logSegment), n.cfg.disk, n.fullDisk, n.log); err != nil {
		return err
	}
	return n.openRaft()
}

// fullDisk ends a node whose log cannot be written. Raft itself would try again and again, and the others would count on
// one that keeps nothing of what they send.
func (n *node[T]) fullDisk(err error) {
	n.fail(fmt.Errorf("node %s: its log cannot be written: %w: make room in %s and start it again; the others go on", n.cfg.Node, err, n.cfg.Dir))
}

// rows is where the journal writes.
func (n *node[T]) rows() journal.Rows { return rows{n.rec, n.history} }

// openRecord opens the record empty: raft gives back all that belongs into it.
func (n *node[T]) openRecord() (*record.Run, error) {
	dir := filepath.Join(n.cfg.Dir, "run")
	if _, err := os.Stat(filepath.Join(dir, "config.yaml")); errors.Is(err, os.ErrNotExist) {
		return record.Create(dir, n.cfg.Run.YAML())
	}
	rec, err := record.Reopen(dir)
	if err == nil {
		err = rec.Rewind(0, 0)
	}
	return rec, err
}

func (n *node[T]) openRaft() error {
	c := raft.DefaultConfig()
	t := n.cfg.Timeouts
	c.LocalID = raft.ServerID(n.cfg.Node)
	c.HeartbeatTimeout, c.ElectionTimeout, c.LeaderLeaseTimeout, c.CommitTimeout = t.Heartbeat, t.Heartbeat, t.Lease, t.Commit
	c.MaxAppendEntries = 8 // 6 MiB of full batches
	c.BatchApplyCh = true
	c.TrailingLogs = cmp.Or(n.cfg.trailing, 128) // at 768 KiB each, 96 MiB
	c.SnapshotThreshold = 1 << 62                // by bytes instead: see snapshotter
	c.SnapshotInterval = 24 * time.Hour          // the same
	c.Logger = hclogTo(n.log)
	c.NoLegacyTelemetry = true
	r, err := raft.NewRaft(c, n, n.storage.log, n.storage.stable, n.storage.snapshots, n.cfg.Raft)
	if err != nil {
		return errors.Join(n.broken, fmt.Errorf("coordinator: starting raft: %w", err)) // broken says why a snapshot does not fit
	}
	n.raft = r
	if n.cfg.Join {
		return nil
	}
	var members raft.Configuration
	for _, m := range n.cfg.Members {
		members.Servers = append(members.Servers, raft.Server{ID: raft.ServerID(m.ID), Address: raft.ServerAddress(m.Raft)})
	}
	if err := r.BootstrapCluster(members).Error(); err != nil && !errors.Is(err, raft.ErrCantBootstrap) {
		return fmt.Errorf("coordinator: starting raft: %w", err)
	}
	return nil
}

// serve runs everything that the node does until the end, and waits for all of it.
func (n *node[T]) serve(ctx context.Context) error {
	var all sync.WaitGroup
	defer all.Wait()
	inner, stop := context.WithCancel(ctx)
	defer stop()
	subscriptions, err := n.serveVersions()
	defer func() {
		for _, s := range subscriptions {
			s.Close()
		}
	}()
	if err != nil {
		return err
	}
	all.Go(func() { n.snapshotter(inner) })
	all.Go(func() { n.digester(inner) })
	all.Go(func() { n.leads(inner) })
	all.Go(func() { n.watchClock(inner) })
	if n.cfg.HTTP != nil {
		all.Go(func() { n.serveHTTP(inner) })
	}
	select {
	case <-ctx.Done():
		return n.leave(ctx)
	case <-n.done:
	}
	n.mu.Lock()
	n.log.Info("run is over", zap.String("stopped", n.state.machine.Ledger.Stopped()))
	n.mu.Unlock()
	n.linger(ctx)
	return failure(ctx)
}

// linger stays until whoever has not heard of the end can have asked, and until every other node has its record too: one
// that was away comes back to a majority or never learns how the run ended.
func (n *node[T]) linger(ctx context.Context) {
	over := map[string]bool{n.cfg.Node: true}
	began := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(askEvery):
		}
		if n.cfg.HTTP != nil {
			for id, r := range n.neighbours.ask(ctx) {
				over[id] = over[id] || r.Node.Finished
			}
		}
		stayed := time.Since(began)
		if stayed >= lingers && (n.cfg.HTTP == nil || len(over) == len(n.cfg.Members) && all(over)) || stayed >= lingersAtMost {
			return
		}
	}
}

func all(of map[string]bool) bool {
	for _, yes := range of {
		if !yes {
			return false
		}
	}
	return true
}

// leave hands leadership over and says why the node ends.
func (n *node[T]) leave(ctx context.Context) error {
	if n.raft.State() == raft.Leader {
		if err := n.raft.LeadershipTransfer().Error(); err != nil {
			n.log.Warn("leadership was not handed over", zap.Error(err))
		}
	}
	return failure(ctx)
}

// failure is why the node cannot go on; nil when it was only told to end, or when nothing is wrong.
func failure(ctx context.Context) error {
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}

func (n *node[T]) close() error {
	var err error
	if n.raft != nil {
		err = n.raft.Shutdown().Error()
	}
	err = errors.Join(err, n.storage.close())
	if n.recorder != nil {
		err = errors.Join(err, n.recorder.close())
	}
	if n.rec != nil {
		err = errors.Join(err, n.rec.Close())
	}
	if n.cfg.HTTP != nil {
		n.cfg.HTTP.Close()
	}
	if n.folder != nil {
		err = errors.Join(err, n.folder.Close())
	}
	return err
}

// Apply takes a batch of entries that a majority holds. It is raft's to call, one at a time.
func (n *node[T]) Apply(l *raft.Log) any {
	n.mu.Lock()
	if n.broken == nil {
		if err := unbatch(l.Data, n.take); err != nil && n.broken == nil {
			n.breakDown(err)
		}
	}
	n.logged += int64(len(l.Data))
	if n.snapshotDue() {
		select {
		case n.snapshots <- struct{}{}:
		default:
		}
	}
	var mail []letter
	if n.lead != nil {
		mail = n.lead.letters()
	}
	n.mu.Unlock()
	for _, m := range mail {
		n.publish(m.subject, m.data)
	}
	return nil
}

// take applies an entry. An error says that this node cannot go on.
func (n *node[T]) take(entry []byte) error {
	before, ran := n.state.time, n.state.machine.Ledger.Started()
	e, err := n.state.apply(entry)
	if n.state.time != before || !ran {
		n.at = time.Now()
	}
	if err == nil && n.recorder != nil {
		err = n.recorder.append(n.state.entries, entry)
	}
	if err == nil {
		err = n.notice(&e)
	}
	if err != nil {
		return err
	}
	if n.lead != nil {
		n.lead.applied(&e)
	}
	return n.broken
}

// breakDown ends a node whose state or record can no longer follow the log. The caller holds the lock.
func (n *node[T]) breakDown(err error) {
	n.broken = err
	n.fail(err)
}

// notice is what every node does about an entry.
func (n *node[T]) notice(e *effect) error {
	if e.kind == entryAdmit && e.decision != nil {
		n.counts.decide(e.decision)
	}
	if e.version != nil {
		n.commits++
		n.log.Debug("committed", zap.Uint64("version", e.version.Version), zap.Int("updates", e.version.Updates), zap.Float64("loss", e.version.TrainLoss))
		n.digest(e.version.Version)
	}
	if e.digest != nil {
		if err := n.checks.leader(e.digest.Version, e.digest.Digest); err != nil {
			return err
		}
	}
	if e.finished {
		return n.finish()
	}
	return nil
}

// finish writes the record's end.
func (n *node[T]) finish() error {
	defer n.once.Do(func() { close(n.done) })
	if n.rec == nil {
		return nil
	}
	x32, x64 := n.state.vectors()
	return n.rec.Finish(n.state.summary(), x32, x64)
}

// vectors are the newest model, in whichever arithmetic it has.
func (s *state[T]) vectors() (x32 []float32, x64 []float64) {
	switch x := any(s.machine.Model.Newest().X).(type) {
	case []float32:
		return x, nil
	case []float64:
		return nil, x
	}
	return nil, nil
}

// publish sends a message that may be lost; it will be asked for.
func (n *node[T]) publish(subject string, data []byte) {
	if err := n.cfg.Conn.Publish(subject, data); err != nil {
		n.log.Debug("not published", zap.String("subject", subject), zap.Error(err))
	}
}

// now is the run's time. The caller holds the lock.
func (n *node[T]) now() int64 { return n.state.elapsed(time.Since(n.at)) }

// A snapshot is due when a node that starts from the last one would be busy for a second or so: it takes part in elections
// meanwhile, and may win one before it can lead. Applying 128 MiB of updates again takes that long, and so does making 512
// versions of a million parameters. Writing snapshots stays a fraction of writing the log: a few of them, or more.
const (
	replayBytes = 128 << 20
	passes      = 16 // bytes of a version are made again as fast as this many bytes of the log
)

// snapshotDue reports whether a snapshot is due. The caller holds the lock.
func (n *node[T]) snapshotDue() bool {
	if n.cfg.snapshotAfter > 0 {
		return n.logged > n.cfg.snapshotAfter
	}
	dense := int64(n.state.machine.Model.Dense())
	return n.logged+n.commits*dense/passes > max(replayBytes, 4*dense)
}

// snapshotter takes a snapshot when it is asked to.
func (n *node[T]) snapshotter(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-n.snapshots:
		}
		n.mu.Lock()
		due := n.snapshotDue()
		n.mu.Unlock()
		if !due { // it was asked for while the last one was about to begin
			continue
		}
		err := n.raft.Snapshot().Error()
		switch {
		case err == nil:
			n.log.Info("snapshot taken", zap.Uint64("index", n.raft.AppliedIndex()))
		case !errors.Is(err, raft.ErrNothingNewToSnapshot) && !errors.Is(err, raft.ErrRaftShutdown):
			n.log.Warn("no snapshot was taken; the log goes on growing", zap.Error(err))
		}
	}
}

var _ raft.FSM = (*node[float32])(nil)

var _ io.Closer = storage{}
