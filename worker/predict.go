package worker

import (
	"slices"

	"weir/aggregate"
	"weir/vec"
)

// progress is a client's own work that is not in the version that the worker holds. It is kept in memory only: after
// a restart a client has nothing to predict from, and starts a round or two from the newest version.
type progress[T vec.Float] struct {
	seq       uint64
	delta     []T
	committed uint64 // the version that it is in; 0 while it is in none
}

// forecast is what a round needs that starts from where the model will be (local.start: predicted).
type forecast[T vec.Float] struct {
	outer   aggregate.OuterConfig
	before  *version[T] // what the worker held before the round's base; nil when it has held none
	pending [][]T       // the client's progress that the base lacks, oldest first
	made    []T         // the round's own, once its work is done
}

// forecast prepares a round that is about to be worked.
func (h *host[T]) forecast(c *client[T], base *version[T]) *forecast[T] {
	if h.Run.Local.Start != "predicted" {
		return nil
	}
	c.unseen = slices.DeleteFunc(c.unseen, func(p progress[T]) bool { return p.committed > 0 && p.committed <= base.number })
	f := &forecast[T]{outer: h.Run.Outer}
	if before := h.models.before; before != nil && before.number < base.number {
		f.before = h.models.hold(before)
	}
	for _, p := range c.unseen {
		f.pending = append(f.pending, p.delta)
	}
	return f
}

// start writes where the model will be into x.
func (f *forecast[T]) start(x []T, base *version[T]) {
	if f.before == nil {
		aggregate.Predict(x, f.outer, base.x, nil, 0, f.pending...)
		return
	}
	aggregate.Predict(x, f.outer, base.x, f.before.x, base.number-f.before.number, f.pending...)
}

// foretold ends what forecast prepared; the work is kept if it became an update.
func (h *host[T]) foretold(c *client[T], t *task[T]) {
	f := t.forecast
	if f == nil {
		return
	}
	if f.before != nil {
		h.models.release(f.before)
	}
	if t.err == nil {
		c.unseen = append(c.unseen, progress[T]{seq: t.seq, delta: f.made})
	}
}

// committed notes the version that a round's work is in.
func (c *client[T]) committed(seq, version uint64) {
	for i := range c.unseen {
		if c.unseen[i].seq == seq {
			c.unseen[i].committed = version
		}
	}
}

// lost drops work that goes back into the client's memory.
func (c *client[T]) lost(updates ...*update) {
	c.unseen = slices.DeleteFunc(c.unseen, func(p progress[T]) bool {
		return slices.ContainsFunc(updates, func(u *update) bool { return u.seq == p.seq })
	})
}
