package simulate

import (
	"context"
	"sync"

	"weir/compress"
	"weir/ledger"
	"weir/problem"
	"weir/selection"
	"weir/vec"
)

// flight is one client's round, from assignment to arrival.
type flight[T vec.Float] struct {
	client uint32
	seq    uint64
	base   *ledger.Version[T]
	round  problem.Round
	memory *compress.Memory[T] // the client's; nil when it needs none

	direction selection.Direction[T] // of the model up to the base; nil when nobody asks for the cosine
	density   float64                // that the ledger chose; 0 is as configured

	assigned, started, finished int64
	drops                       int64 // when the client vanishes, or aggregate.Never

	downloaded int // bytes that it took to hold the base

	// Of a client that works ahead:
	raw, start []T   // the work before it is encoded; what it starts from, nil for the base
	arrives    int64 // at the coordinator
	here, void bool  // it has arrived; it was taken back, and counts for nothing

	state  state // guarded by the pool
	update []byte
	report problem.Report
	stats  compress.Stats
	cosine float64
	err    error
}

type state uint8

const (
	idle state = iota // not queued: whoever waits for it works it off
	queued
	running
	done
)

func (f *flight[T]) before(o *flight[T]) bool {
	if f.finished != o.finished {
		return f.finished < o.finished
	}
	return f.client < o.client
}

// bench is what one goroutine needs to work off flights.
type bench[T vec.Float] struct {
	operator problem.Operator[T]
	encoder  *compress.Encoder[T]
	delta    []T
}

func newBench[T vec.Float](p problem.Problem[T], c *compress.Codec[T]) *bench[T] {
	return &bench[T]{operator: p.Operator(), encoder: c.NewEncoder(), delta: make([]T, c.Dim())}
}

// work does a flight's local work and, but for a client that works ahead, encodes what came of it.
func (b *bench[T]) work(ctx context.Context, f *flight[T]) {
	from, delta := f.base.X, b.delta
	if f.start != nil {
		from = f.start
	}
	if f.raw != nil {
		delta = f.raw
	}
	f.report, f.err = b.operator.Work(ctx, f.round, from, delta)
	if f.err == nil && f.raw == nil {
		b.encode(f, delta)
	}
}

func (b *bench[T]) encode(f *flight[T], delta []T) {
	f.cosine = f.direction.Cosine(delta)
	b.encoder.Density = f.density
	id := compress.ID{Client: f.client, Seq: f.seq, Base: f.base.Number}
	f.update, f.stats, f.err = b.encoder.Encode(f.update[:0], id, f.memory, delta)
}

// pool works off flights on all cores, soonest needed first. The event loop is one of its workers: it works while it
// waits.
type pool[T vec.Float] struct {
	ctx  context.Context
	main *bench[T]

	mu     sync.Mutex
	change *sync.Cond // a flight was queued or done, parts were handed out or done, or the pool closes
	queue  heap[*flight[T]]
	parts  parts
	closed bool
	all    sync.WaitGroup
}

// parts is a job that is cut up for all cores, an evaluation.
type parts struct {
	do          func(part int)
	next, total int
	left        int
}

// newPool starts cores-1 goroutines, which end with close.
func newPool[T vec.Float](ctx context.Context, p problem.Problem[T], c *compress.Codec[T], cores int) *pool[T] {
	w := &pool[T]{ctx: ctx, main: newBench(p, c)}
	w.change = sync.NewCond(&w.mu)
	for range cores - 1 {
		w.all.Go(func() { w.serve(newBench(p, c)) })
	}
	return w
}

// close ends the pool's goroutines; flights that were not begun stay queued. It may be called twice.
func (p *pool[T]) close() {
	p.mu.Lock()
	p.closed = true
	p.change.Broadcast()
	p.mu.Unlock()
	p.all.Wait()
}

func (p *pool[T]) serve(b *bench[T]) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for !p.closed {
		if !p.one(b) {
			p.change.Wait()
		}
	}
}

// one does one piece of work, if there is any: a part before a flight, since the event loop stands still until all
// parts are done. It is called with the lock held, and gives it up while it works.
func (p *pool[T]) one(b *bench[T]) bool {
	if p.parts.next < p.parts.total {
		part, do := p.parts.next, p.parts.do
		p.parts.next++
		p.mu.Unlock()
		do(part)
		p.mu.Lock()
		if p.parts.left--; p.parts.left == 0 {
			p.change.Broadcast()
		}
		return true
	}
	if len(p.queue) == 0 {
		return false
	}
	f := p.queue.pop()
	f.state = running
	p.mu.Unlock()
	b.work(p.ctx, f)
	p.mu.Lock()
	f.state = done
	p.change.Broadcast()
	return true
}

// submit queues a flight.
func (p *pool[T]) submit(f *flight[T]) {
	p.mu.Lock()
	f.state = queued
	p.queue.push(f)
	p.change.Signal()
	p.mu.Unlock()
}

// wait returns when f is done, and works meanwhile.
func (p *pool[T]) wait(f *flight[T]) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if f.state == idle {
		p.main.work(p.ctx, f)
		f.state = done
	}
	for f.state != done {
		if !p.one(p.main) {
			p.change.Wait()
		}
	}
}

// each is a problem.Each on all cores.
func (p *pool[T]) each(total int, do func(part int)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.parts = parts{do: do, total: total, left: total}
	p.change.Broadcast()
	for p.parts.left > 0 {
		if p.parts.next == p.parts.total || !p.one(p.main) {
			p.change.Wait()
		}
	}
}

// drain closes the pool and takes back the flights that were not begun.
func (p *pool[T]) drain() {
	p.close()
	for _, f := range p.queue {
		f.state = idle
	}
	p.queue = nil
}
