package coordinator

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/hashicorp/raft"
	"go.uber.org/zap"

	"weir/aggregate"
	"weir/ledger"
	"weir/transport"
	"weir/vec"
)

// lead is what a node does while it leads: it takes what workers send, puts it into the log, and tells them what the log
// decided. Nothing in it outlives its term: a new leader learns from the log and from the workers' hellos.
//
// One goroutine, the loop, decides what is proposed and stamps the time, so that the log's times never fall.
type lead[T vec.Float] struct {
	n    *node[T]
	term uint64
	stop context.CancelCauseFunc

	// The loop's own.
	workers map[string]*host
	last    int64     // time of the newest proposal
	origin  time.Time // when the run would have begun, had it gone on ever since; zero before it starts
	ticked  int64     // the due time that a tick was proposed for
	began   time.Time
	claimed bool // workers have had their lease's time to claim their clients
	started bool // the start of the run was proposed
	ended   bool // the end of the log was proposed

	updates   chan *update
	calls     chan func()
	proposals *proposals

	// Guarded by the node's lock.
	joining   map[uint32]transport.Member // clients that are there and not registered
	home      map[uint32]string           // which worker a client is at
	held      map[uint32]uint64           // the round whose base a client holds, in a run with clients.durations
	proposed  map[uint32]uint64           // update of a client that is on its way through the log
	ahead     map[clientRound]*update     // updates that are complete, of rounds that the ledger does not await yet
	evaluator *evaluator[T]
	digested  []digested      // to be put into the log
	wake      chan struct{}   // something was applied, or a batch has landed
	news      map[uint32]bool // clients that are to be told where they stand
	over      bool            // everybody is to be told that the run has stopped
}

// clientRound names a round of a client.
type clientRound struct {
	client uint32
	seq    uint64
}

// host is a worker that said hello.
type host struct {
	name    string
	heard   time.Time
	clients []uint32
}

// letter is a message to a worker.
type letter struct {
	subject string
	data    []byte
}

// leads leads whenever raft makes this node the leader.
func (n *node[T]) leads(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-n.raft.LeaderCh():
		}
		for n.raft.State() == raft.Leader && ctx.Err() == nil {
			n.term(ctx)
			select { // a term that failed while leadership is being handed over fails again at once
			case <-ctx.Done():
			case <-time.After(n.cfg.Timeouts.Commit):
			}
		}
	}
}

// term leads until leadership is lost, or until something fails.
func (n *node[T]) term(ctx context.Context) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var watching sync.WaitGroup
	defer watching.Wait()
	watching.Go(func() {
		select {
		case <-n.raft.LeaderCh():
			stop(raft.ErrLeadershipLost)
		case <-ctx.Done():
		}
	})
	defer stop(nil)
	term := n.raft.CurrentTerm()
	if err := n.raft.Barrier(0).Error(); err != nil { // everything of earlier terms has been applied
		return
	}
	n.log.Info("leading", zap.Uint64("term", term))
	err := n.newLead(term, stop).run(ctx)
	n.mu.Lock()
	n.lead = nil
	n.mu.Unlock()
	if errors.Is(err, context.Canceled) { // it was told to end
		err = nil
	}
	n.log.Info("leading no longer", zap.Uint64("term", term), zap.Error(err))
}

func (n *node[T]) newLead(term uint64, stop context.CancelCauseFunc) *lead[T] {
	return &lead[T]{
		n: n, term: term, stop: stop, workers: map[string]*host{}, joining: map[uint32]transport.Member{},
		ticked: -1, began: time.Now(),
		updates: make(chan *update, 64), calls: make(chan func(), 64), proposals: newProposals(n.raft),
		home: map[uint32]string{}, held: map[uint32]uint64{}, proposed: map[uint32]uint64{}, ahead: map[clientRound]*update{},
		evaluator: newEvaluator[T](), wake: make(chan struct{}, 1),
		news: map[uint32]bool{},
	}
}

// run leads until ctx is done or something fails.
func (l *lead[T]) run(ctx context.Context) error {
	n := l.n
	var all sync.WaitGroup
	defer all.Wait()
	defer l.stop(nil)
	all.Go(func() { l.await(ctx) })
	all.Go(func() { l.evaluate(ctx) })
	n.mu.Lock()
	n.lead = l
	fresh := n.state.genesis == nil
	l.started = n.state.machine.Ledger.Started()
	n.mu.Unlock()
	if fresh { // nobody is let in before it is known which run this is
		if err := l.proposals.commit(n.state.identity()); err != nil {
			return err
		}
	}
	l.resume()
	in := newIngest(ctx, l)
	for _, s := range []struct {
		subject string
		handle  func(transport.Message)
	}{
		{n.subjects.Updates(), in.handle}, {n.subjects.Hellos(), l.hello(ctx)}, {n.subjects.Control(), l.control(ctx)},
	} {
		subscription, err := n.cfg.Conn.Subscribe(s.subject, "", s.handle)
		if err != nil {
			return err
		}
		defer subscription.Close()
	}
	return l.loop(ctx)
}

// loop proposes what is to be proposed.
func (l *lead[T]) loop(ctx context.Context) error {
	beat := time.NewTicker(transport.BeatEvery)
	defer beat.Stop()
	l.beat()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		next, err := l.step(ctx)
		if err == nil {
			err = l.proposals.flush(ctx)
		}
		if err != nil {
			return err
		}
		timer.Reset(next)
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case u := <-l.updates:
			err = l.arrived(ctx, u)
			for len(l.updates) > 0 && err == nil { // they go into the log together
				err = l.arrived(ctx, <-l.updates)
			}
		case call := <-l.calls:
			call()
		case <-beat.C:
			l.beat()
			err = l.expire(ctx)
		case <-l.wake:
		case <-timer.C:
		}
		if err != nil {
			return err
		}
	}
}

// await ends the term with the first entry that does not get through.
func (l *lead[T]) await(ctx context.Context) {
	for {
		select {
		case f := <-l.proposals.futures:
			if err := f.Error(); err != nil {
				l.stop(err)
				return
			}
			l.proposals.landed()
			l.poke()
		case <-ctx.Done():
			return
		}
	}
}

// stamp is the time of the next command: it never falls. A leader goes on from where the log stands when its term
// begins, and from there by its own clock alone: what a command takes through the log is no time lost.
func (l *lead[T]) stamp() int64 {
	l.n.mu.Lock()
	defer l.n.mu.Unlock()
	return l.stampLocked()
}

func (l *lead[T]) stampLocked() int64 {
	switch {
	case !l.origin.IsZero():
		l.last = max(l.last, int64(time.Since(l.origin)))
	case l.n.state.machine.Ledger.Started():
		l.last = max(l.last, l.n.now())
		l.origin = time.Now().Add(-time.Duration(l.last))
	default:
		l.last = max(l.last, l.n.state.time) // it stands still until the run starts
	}
	return l.last
}

func (l *lead[T]) command(ctx context.Context, c ledger.Command) error {
	return l.proposals.add(ctx, command(c))
}

// step proposes what can be proposed now, and returns how long until the clock asks for more.
func (l *lead[T]) step(ctx context.Context) (time.Duration, error) {
	if err := l.register(ctx); err != nil {
		return 0, err
	}
	if err := l.putDigests(ctx); err != nil {
		return 0, err
	}
	if err := l.end(ctx); err != nil {
		return 0, err
	}
	if l.n.ordered() {
		return time.Hour, l.follow(ctx)
	}
	if err := l.release(ctx); err != nil {
		return 0, err
	}
	l.n.mu.Lock()
	due, now, started := l.n.state.machine.Ledger.Due(), l.stampLocked(), l.n.state.machine.Ledger.Started()
	l.n.mu.Unlock()
	switch {
	case !started || due == aggregate.Never || due == l.ticked:
		return time.Hour, nil
	case due > now:
		return time.Duration(due - now), nil
	}
	l.ticked = due
	return time.Hour, l.command(ctx, ledger.Command{Kind: ledger.Tick, Time: l.stamp()})
}

// putDigests proposes the digests that this node has made.
func (l *lead[T]) putDigests(ctx context.Context) error {
	l.n.mu.Lock()
	made := l.digested
	l.digested = nil
	l.n.mu.Unlock()
	for _, x := range made {
		if err := l.proposals.add(ctx, x); err != nil {
			return err
		}
	}
	return nil
}

// end proposes the end of the log once the run has stopped and the model it ended with is evaluated.
func (l *lead[T]) end(ctx context.Context) error {
	l.n.mu.Lock()
	s := l.n.state
	over := s.machine.Ledger.Stopped() != "" && !s.finished && !l.ended && l.evaluator.done(s.machine.Model.Newest().Number)
	l.n.mu.Unlock()
	if !over {
		return nil
	}
	l.ended = true
	return l.proposals.add(ctx, finish{})
}

// release proposes the updates that came early and are awaited now.
func (l *lead[T]) release(ctx context.Context) error {
	l.n.mu.Lock()
	var ready []*update
	for r, u := range l.ahead {
		if at := l.n.state.machine.Ledger.Standing(r.client); at.Seq >= u.seq {
			delete(l.ahead, r)
			if at.Awaited && at.Seq == u.seq {
				ready = append(ready, u)
			}
		}
	}
	l.n.mu.Unlock()
	for _, u := range ready {
		if err := l.admit(ctx, u, l.stamp()); err != nil {
			return err
		}
	}
	return nil
}

// arrived takes an update of which all is there.
func (l *lead[T]) arrived(ctx context.Context, u *update) error {
	n := l.n
	n.mu.Lock()
	at := n.state.machine.Ledger.Standing(u.client)
	switch {
	case l.proposed[u.client] == u.seq:
		n.mu.Unlock()
		return nil // sent again while the first is on its way
	case u.seq > at.Seq || n.ordered():
		l.ahead[clientRound{u.client, u.seq}] = u
		n.mu.Unlock()
		return nil
	case !at.Awaited || u.seq != at.Seq:
		n.mu.Unlock()
		l.tell(u.client)
		return nil
	}
	n.mu.Unlock()
	return l.admit(ctx, u, l.stamp())
}

// admit proposes an update, its frames back to back.
func (l *lead[T]) admit(ctx context.Context, u *update, now int64) error {
	l.n.mu.Lock()
	l.proposed[u.client] = u.seq
	l.n.mu.Unlock()
	for _, e := range u.entries(now) {
		if err := l.proposals.add(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

// poke has the loop look for what there is to do.
func (l *lead[T]) poke() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// applied is called with every entry while this node leads, with the node's lock held.
func (l *lead[T]) applied(e *effect) {
	l.poke()
	if e.kind == entryAdmit {
		delete(l.proposed, e.client)
	}
	if e.version != nil || e.kind == entryGenesis {
		l.evaluator.consider(l.n)
	}
	d := e.decision
	if d == nil {
		return
	}
	if d.Stopped != "" {
		l.over = true
		l.n.log.Info("stopped", zap.String("why", d.Stopped), zap.Uint64("version", l.n.state.machine.Ledger.Version()))
		l.evaluator.consider(l.n)
	}
	if e.kind == entryAdmit {
		l.news[e.command.Client] = true
		if d.Verdict == ledger.Refused && e.command.Fault == ledger.None { // a fault was counted when it was found
			l.n.counts.refuse(d.Reason.String())
		}
	}
	if d.Commit != nil {
		for _, u := range d.Commit.Updates {
			l.news[u.Client] = true
		}
	}
	for _, a := range d.Assign {
		l.news[a.Client] = true
	}
}

// letters are what is to be told to the workers since they were last asked for: a note of each client with news. The
// caller holds the node's lock.
func (l *lead[T]) letters() []letter {
	notes := map[string]transport.Notes{}
	for client := range l.news {
		if home, known := l.home[client]; known {
			notes[home] = append(notes[home], l.n.state.standing(client))
		}
	}
	clear(l.news)
	letters := make([]letter, 0, len(notes)+1)
	for home, of := range notes {
		letters = append(letters, letter{l.n.subjects.Worker(home), transport.Encode(of)})
	}
	if l.over {
		l.over = false
		letters = append(letters, letter{l.n.subjects.Beat(), transport.Encode(l.n.beat(l.term))})
	}
	return letters
}

// tell tells a client where it stands.
func (l *lead[T]) tell(client uint32) {
	l.n.mu.Lock()
	home, known := l.home[client]
	note := l.n.state.standing(client)
	l.n.mu.Unlock()
	if known {
		l.n.publish(l.n.subjects.Worker(home), transport.Encode(transport.Notes{note}))
	}
}

// beat is what a leader says of itself. The caller holds the lock.
func (n *node[T]) beat(term uint64) transport.Beat {
	return transport.Beat{Node: n.cfg.Node, Term: term, Version: n.state.machine.Ledger.Version(), Stopped: n.state.machine.Ledger.Stopped()}
}

func (l *lead[T]) beat() {
	l.n.mu.Lock()
	b := l.n.beat(l.term)
	l.n.mu.Unlock()
	l.n.publish(l.n.subjects.Beat(), transport.Encode(b))
}

// call has the loop do something, unless the term ends first.
func (l *lead[T]) call(ctx context.Context, do func()) {
	select {
	case l.calls <- do:
	case <-ctx.Done():
	}
}
