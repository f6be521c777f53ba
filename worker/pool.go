package worker

import (
	"context"
	"errors"
	"math"
	"slices"
	"time"

	"go.uber.org/zap"

	"weir/compress"
	"weir/problem"
	"weir/transport"
	"weir/vec"
)

// task is one round's way through the pool. The pool owns it until it is done, but for the time in which it waits for
// its orders.
type task[T vec.Float] struct {
	client  uint32
	seq     uint64
	base    *version[T]
	round   problem.Round
	density float64        // that the ledger chose; 0 is as configured
	orders  chan orders[T] // one, when the work is done

	forecast *forecast[T] // nil for a round that starts from its base

	report problem.Report
	took   time.Duration
	made   *update // nil until the update is on disk
	err    error
}

// orders are what encoding a round needs: the client's state as it is then.
type orders[T vec.Float] struct {
	state  saved[T]
	folds  []fold
	report transport.Report // what the loop knows of it
}

// fold is what goes back into a client's memory before its next update is encoded.
type fold struct {
	expired *update   // was decoded with weight 0
	updates []*update // after it; without one, they were never decoded
}

// pool does rounds of local work, one a core at a time, and encodes and writes what comes of them.
type pool[T vec.Float] struct {
	codec *compress.Codec[T]
	dir   string
	run   string // the run's configuration, YAML
	log   *zap.Logger
	dies  func(step, uint32) bool

	queue   chan *task[T] // as long as there are clients, each of which has one at most
	results chan *task[T] // twice for each: worked, and with made or err
}

// serve works until ctx is done.
func (p *pool[T]) serve(ctx context.Context, operator problem.Operator[T]) {
	encoder := p.codec.NewEncoder()
	delta := make([]T, p.codec.Dim())
	var file []byte
	var start []T
	for {
		var t *task[T]
		select {
		case <-ctx.Done():
			return
		case t = <-p.queue:
		}
		began := time.Now()
		x := t.base.x
		if t.forecast != nil {
			start = slices.Grow(start[:0], len(x))[:len(x)]
			t.forecast.start(start, t.base)
			x = start
		}
		t.report, t.err = operator.Work(ctx, t.round, x, delta)
		t.took = time.Since(began)
		if t.forecast != nil {
			t.forecast.made = slices.Clone(delta)
		}
		if t.err == nil && (math.IsNaN(t.report.Loss) || math.IsInf(t.report.Loss, 0)) {
			t.err = compress.ErrNotFinite
		}
		if t.err == nil && p.dies(worked, t.client) {
			t.err = errDied
		}
		if t.err != nil {
			p.results <- t
			continue
		}
		p.results <- t
		select {
		case <-ctx.Done():
			return
		case o := <-t.orders:
			file = p.encode(ctx, encoder, t, o, delta, file[:0])
			p.results <- t
		}
	}
}

// encode makes the update and writes the client's file, for which it uses the memory of file.
func (p *pool[T]) encode(ctx context.Context, encoder *compress.Encoder[T], t *task[T], o orders[T], delta []T, file []byte) []byte {
	if t.err = foldAll(p.codec, o.state.memory, o.folds); t.err != nil {
		return file
	}
	id := compress.ID{Client: t.client, Seq: t.seq, Base: t.base.number}
	encoder.Density = t.density
	frames, stats, err := encoder.Encode(nil, id, o.state.memory, delta)
	if err != nil {
		t.err = err
		return file
	}
	report := o.report
	report.Report = t.report
	if cosine := t.base.toward.Cosine(delta); !math.IsNaN(cosine) {
		report.Cosine = &cosine
	}
	report.Norm, report.Contraction, report.ErrorNorm, report.Eta = stats.Norm, stats.Contraction, stats.ErrorNorm, stats.Eta
	made, err := newUpdate(p.codec, t.seq, t.base.number, report, frames)
	if err != nil {
		t.err = err
		return file
	}
	if p.dies(encoded, t.client) {
		t.err = errDied
		return file
	}
	o.state.outbox = append(o.state.outbox, made)
	file = appendState(file, p.run, t.client, o.state)
	if t.err = p.write(ctx, t.client, file); t.err == nil && p.dies(written, t.client) {
		t.err = errDied
	}
	t.made = made
	return file
}

// write tries until it succeeds: a full disk stops a client, but not the run.
func (p *pool[T]) write(ctx context.Context, client uint32, file []byte) error {
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 10*time.Second) {
		err := writeState(p.dir, client, file)
		if err == nil {
			return nil
		}
		p.log.Error("state not written, trying again", zap.Uint32("client", client), zap.Duration("in", wait), zap.Error(err))
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(wait):
		}
	}
}

// foldAll puts back what came back.
func foldAll[T vec.Float](codec *compress.Codec[T], m *compress.Memory[T], folds []fold) error {
	for _, f := range folds {
		var updates [][]byte
		for _, u := range f.updates {
			updates = append(updates, u.bytes)
		}
		var err error
		if f.expired != nil {
			err = codec.Expire(m, f.expired.bytes, updates...)
		} else {
			err = codec.Return(m, updates...)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
