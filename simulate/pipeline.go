package simulate

import (
	"slices"

	"weir/aggregate"
	"weir/fleet"
	"weir/ledger"
	"weir/problem"
	"weir/vec"
)

// pipeline is a client that works ahead: as soon as it has computed a round it sends it and begins the next, from the
// newest version that it holds by then. Of its rounds at most 1 + local.pipeline are begun and not yet settled, that
// is committed, late or refused. The ledger awaits one round of a client at a time, so an update that arrives while
// the one before is still in the open window waits at the coordinator until the ledger asks for it.
//
// Versions come in the background, one at a time; updates leave one after another.
type pipeline[T vec.Float] struct {
	begun, settled uint64 // the client's newest round of each kind
	awaited        uint64 // the round that the ledger waits for; 0 when it has it, or has asked for none
	busy           *flight[T]
	out            []*flight[T] // made and not yet in the ledger's hands, oldest first
	unseen         []progress[T]

	held       *ledger.Version[T]
	before     *ledger.Version[T] // what it held before that, where rounds start from predictions
	fetching   *ledger.Version[T] // on its way
	next       *ledger.Assignment // that came meanwhile: its base is fetched then
	downloaded int                // bytes, since the last round began

	free    int64 // when the client had last finished computing, or was first given work
	network int64 // until when it was the network that kept it from going on
	link    int64 // when its last update had left
}

// progress is a client's own work that is not in the version it holds.
type progress[T vec.Float] struct {
	seq       uint64
	delta     []T
	committed uint64 // the version that it is in; 0 while it is in none
}

func (r *run[T]) predicts() bool { return r.config.Local.Start == "predicted" }

// await notes that the ledger waits for a round. Its base is fetched, and an update that is there is handed over.
func (r *run[T]) await(a ledger.Assignment) {
	p := r.ahead[a.Client]
	p.awaited = a.Seq
	r.events.push(event{r.now, awaited, a.Client})
	if p.fetching != nil {
		p.next = &a
		return
	}
	r.fetch(a)
}

// fetch begins a download of the newest version, if the client does not hold it.
func (r *run[T]) fetch(a ledger.Assignment) {
	p := r.ahead[a.Client]
	p.next = nil
	if a.Base = r.machine.Model.Newest().Number; p.held != nil && p.held.Number == a.Base {
		return
	}
	bytes := r.download(a)
	p.fetching = r.machine.Model.Hold(r.machine.Model.Newest())
	p.downloaded += bytes
	r.journal.Downloaded(bytes)
	took := r.fleet.Down(bytes)
	r.journal.Communicated(took)
	if p.begun == 0 {
		p.free, p.network = r.now, r.now+took
	}
	r.events.push(event{r.now + took, fetched, a.Client})
}

// fetched ends a download.
func (r *run[T]) fetched(client uint32) {
	p := r.ahead[client]
	old := p.held
	if r.predicts() {
		old, p.before = p.before, p.held
	}
	if old != nil {
		r.machine.Model.Release(old)
	}
	p.held, p.fetching = p.fetching, nil
	for len(p.unseen) > 0 && p.unseen[0].committed > 0 && p.unseen[0].committed <= p.held.Number {
		p.unseen = p.unseen[1:]
	}
	if p.next != nil {
		r.fetch(*p.next)
	}
	r.begin(client)
}

// begin starts the client's next round, if it holds a version, has nothing to do, and its pipeline has room.
func (r *run[T]) begin(client uint32) {
	p := r.ahead[client]
	if p.busy != nil || p.held == nil || p.begun-p.settled > uint64(r.config.Local.Pipeline) {
		return
	}
	p.begun++
	r.journal.Spent(0, r.blocked(p))
	f := &flight[T]{
		client: client, seq: p.begun, base: r.machine.Model.Hold(p.held), raw: make([]T, r.problem.Dim()),
		round:    problem.Round{Client: int(client), Epochs: r.fleet.Epochs(client), Seed: fleet.Round(r.config.Seed, client, p.begun)},
		assigned: p.free, started: r.now, finished: r.now + r.fleet.Compute(client), drops: aggregate.Never, downloaded: p.downloaded,
	}
	if r.predicts() {
		f.start = make([]T, len(f.raw))
		p.predict(f.start, r.config.Outer)
	}
	p.busy, p.downloaded = f, 0
	r.events.push(event{f.finished, computed, client})
	if r.problem.Dim() > 0 {
		r.pool.submit(f)
	}
}

// predict writes into start where the client expects the model to be.
func (p *pipeline[T]) predict(start []T, c aggregate.OuterConfig) {
	var pending [][]T
	for _, u := range p.unseen {
		pending = append(pending, u.delta)
	}
	if p.before == nil {
		aggregate.Predict(start, c, p.held.X, nil, 0, pending...)
		return
	}
	aggregate.Predict(start, c, p.held.X, p.before.X, p.held.Number-p.before.Number, pending...)
}

// blocked is for how long the network has kept a client that does nothing from going on.
func (r *run[T]) blocked(p *pipeline[T]) int64 { return max(0, min(r.now, p.network)-p.free) }

// made encodes a round's work, sends it, and goes on with the next. It is encoded here and not by the pool since what
// comes back before then belongs into the client's memory first.
func (r *run[T]) made(client uint32) error {
	p := r.ahead[client]
	f := p.busy
	if err := r.collect(f); err != nil {
		return err
	}
	f.memory = r.memory[client]
	if f.memory == nil && r.config.Compress.Feedback != "none" {
		f.memory = r.remember(client)
	}
	if r.pool.main.encode(f, f.raw); f.err != nil {
		return r.collect(f)
	}
	if r.predicts() {
		p.unseen = append(p.unseen, progress[T]{seq: f.seq, delta: f.raw})
	}
	f.raw, f.start = nil, nil
	r.journal.Spent(f.finished-f.started, 0)
	r.journal.Communicated(r.fleet.Up(len(f.update)))
	leaves := max(r.now, p.link)
	f.arrives = leaves + r.fleet.Up(len(f.update))
	p.link = f.arrives - r.fleet.Up(0)
	p.busy, p.out = nil, append(p.out, f)
	r.events.push(event{f.arrives, arrived, client})
	p.free, p.network = r.now, r.now
	if first := p.out[0]; first.seq == p.settled+1 && !first.void { // nothing else keeps the client from going on
		p.network = first.arrives
	}
	r.begin(client)
	return nil
}

// landed notes that the oldest update on its way has arrived at the coordinator.
func (r *run[T]) landed(client uint32) error {
	p := r.ahead[client]
	for i, f := range p.out {
		if f.here {
			continue
		}
		f.here = true
		if f.void {
			r.journal.BytesUp += uint64(len(f.update))
			r.machine.Model.Release(f.base)
			p.out = slices.Delete(p.out, i, i+1)
		}
		break
	}
	return r.offer(client)
}

// goOn is what the end of an event at this time leaves to do: the client begins, the ledger gets what it awaits.
func (r *run[T]) goOn(client uint32) error {
	r.begin(client)
	return r.offer(client)
}

// offer hands the update that the ledger awaits to it, if it is there.
func (r *run[T]) offer(client uint32) error {
	p := r.ahead[client]
	if len(p.out) == 0 || !p.out[0].here || p.out[0].seq != p.awaited {
		return nil
	}
	f := p.out[0]
	p.out, p.awaited = p.out[1:], 0
	d, err := r.admit(f)
	if err != nil {
		return err
	}
	switch d.Verdict {
	case ledger.Refused:
		err = r.revoke(p, f)
	case ledger.Late:
		err = r.expire(p, f)
	default:
	}
	r.machine.Model.Release(f.base)
	if err != nil {
		return err
	}
	return r.follow(d)
}

// revoke takes back an update that was refused and, under a rule with h, the one that was made after it: it cannot be
// decoded any more, and its round begins anew.
func (r *run[T]) revoke(p *pipeline[T], f *flight[T]) error {
	defer r.begin(f.client)
	p.settled = f.seq
	if !r.codec.Ordered() {
		r.forget(p, f.seq, false)
		return r.takeBack(f)
	}
	updates := append([][]byte{f.update}, p.updates()...)
	p.out = slices.DeleteFunc(p.out, func(later *flight[T]) bool {
		later.void = true
		if later.here {
			r.machine.Model.Release(later.base)
		}
		return later.here
	})
	r.journal.Returned += uint64(len(updates))
	r.forget(p, f.seq, true)
	if p.busy == nil {
		p.begun = f.seq
	}
	return r.codec.Return(r.remember(f.client), updates...)
}

// expire takes back an update that was decoded without weight; what was made after it stays as it is.
func (r *run[T]) expire(p *pipeline[T], f *flight[T]) error {
	p.settled = f.seq
	r.forget(p, f.seq, false)
	defer r.begin(f.client)
	if r.codec.Mean() {
		return nil
	}
	r.journal.Returned++
	return r.codec.Expire(r.remember(f.client), f.update, p.updates()...)
}

// updates are those that the client has made and not been told of, oldest first.
func (p *pipeline[T]) updates() [][]byte {
	var updates [][]byte
	for _, f := range p.out {
		if !f.void {
			updates = append(updates, f.update)
		}
	}
	return updates
}

// forget drops the work of a round, and of those after it, from what the client waits to see in a version.
func (r *run[T]) forget(p *pipeline[T], seq uint64, andLater bool) {
	p.unseen = slices.DeleteFunc(p.unseen, func(u progress[T]) bool { return u.seq == seq || andLater && u.seq > seq })
}

// settle notes which rounds a commit has settled. Their clients go on when the ledger asks for the next.
func (r *run[T]) settle(c *ledger.Commit) {
	for _, e := range c.Updates {
		p := r.ahead[e.Client]
		p.settled = e.Seq
		for i := range p.unseen {
			if p.unseen[i].seq == e.Seq {
				p.unseen[i].committed = c.Version
			}
		}
	}
}
