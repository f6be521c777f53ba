package coordinator

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"

	"weir/ledger"
	"weir/transport"
	"weir/vec"
)

// evaluator is where a leader keeps the version that is to be evaluated next: the newest that is due, so that a run that
// commits faster than it can be evaluated is not held up.
type evaluator[T vec.Float] struct {
	next   *ledger.Version[T] // held; nil when there is nothing to do
	asked  int64              // the newest version that was asked for, -1 before the first
	told   int64              // the newest version whose evaluation was proposed
	signal chan struct{}
}

func newEvaluator[T vec.Float]() *evaluator[T] {
	return &evaluator[T]{asked: -1, told: -1, signal: make(chan struct{}, 1)}
}

// consider takes the newest version if its evaluation is due. The caller holds the node's lock.
func (e *evaluator[T]) consider(n *node[T]) {
	s := n.state
	row := s.journal.Newest()
	stopped := s.machine.Ledger.Stopped() != ""
	if row == nil || s.finished || row.Metrics != nil || int64(row.Version) <= e.asked {
		if stopped && row != nil && row.Metrics != nil {
			e.told = max(e.told, int64(row.Version)) // an earlier leader saw to it
		}
		return
	}
	if !stopped && !s.journal.AwaitsNewest() {
		return
	}
	if e.next != nil {
		s.machine.Model.Release(e.next)
	}
	e.asked = int64(row.Version)
	e.next = s.machine.Model.Hold(s.machine.Model.Newest())
	select {
	case e.signal <- struct{}{}:
	default:
	}
}

// done says whether the version's evaluation is in the log or on its way there. The caller holds the node's lock.
func (e *evaluator[T]) done(version uint64) bool { return e.told >= int64(version) }

// evaluate measures versions and puts what came out into the log.
func (l *lead[T]) evaluate(ctx context.Context) {
	e, n := l.evaluator, l.n
	defer func() {
		n.mu.Lock()
		if e.next != nil {
			n.state.machine.Model.Release(e.next)
		}
		n.mu.Unlock()
	}()
	for {
		select {
		case <-ctx.Done():
			return
		case <-e.signal:
		}
		n.mu.Lock()
		v := e.next
		e.next = nil
		n.mu.Unlock()
		if v == nil {
			continue
		}
		m := measured{Version: v.Number, Metrics: n.problem.Evaluate(v.X, parallel)}
		n.mu.Lock()
		n.state.machine.Model.Release(v)
		n.mu.Unlock()
		l.call(ctx, func() {
			m.Time = l.stamp()
			if n.ordered() {
				n.mu.Lock()
				m.Time = n.state.time
				n.mu.Unlock()
			}
			if l.proposals.add(ctx, m) == nil {
				n.mu.Lock()
				e.told = max(e.told, int64(m.Version))
				n.mu.Unlock()
			}
		})
	}
}

// parallel is a problem.Each on all cores.
func parallel(parts int, do func(part int)) {
	var next atomic.Int64
	var all sync.WaitGroup
	for range min(parts, runtime.GOMAXPROCS(0)) {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < parts; i = int(next.Add(1)) - 1 {
				do(i)
			}
		})
	}
	all.Wait()
}

// resume takes up what an earlier leader left: an evaluation that is due.
func (l *lead[T]) resume() {
	l.n.mu.Lock()
	defer l.n.mu.Unlock()
	l.evaluator.consider(l.n)
}

// control takes an operator's orders.
func (l *lead[T]) control(ctx context.Context) func(transport.Message) {
	return func(m transport.Message) {
		var c transport.Control
		err := transport.Decode(m.Data, &c)
		if err == nil {
			err = l.obey(ctx, c)
		}
		var reply transport.ControlReply
		if err != nil {
			reply.Error = err.Error()
		}
		if m.Reply != "" {
			l.n.publish(m.Reply, transport.Encode(reply))
		}
	}
}
