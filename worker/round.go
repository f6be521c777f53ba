package worker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"

	"weir/compress"
	"weir/fleet"
	"weir/problem"
	"weir/transport"
)

// work begins a client's next round if it can, and moves the one that is under way to the pool once its base is held.
func (h *host[T]) work(c *client[T]) {
	now := h.now()
	if c.round == nil {
		if now.Before(c.busy) {
			h.wakeAt(c, c.busy)
			return
		}
		seq, atLeast, ok := c.next(h.Run.Local.Pipeline)
		if !ok || h.beat.Stopped != "" {
			return
		}
		c.round = &round[T]{seq: seq, atLeast: atLeast, began: now}
	}
	r := c.round
	switch {
	case r.working, r.base == nil && !h.hold(c, r):
		return
	case now.Before(r.heldAt):
		h.wakeAt(c, r.heldAt)
		return
	}
	r.working = true
	if c.held = r.seq; h.exact {
		h.hurry() // everybody waits for this
	}
	density := 0.0
	if r.seq == c.seq { // the rounds ahead of it were not assigned yet
		density = c.density
	}
	h.pool.queue <- &task[T]{
		client: c.id, seq: r.seq, base: r.base, orders: make(chan orders[T], 1), forecast: h.forecast(c, r.base), density: density,
		round: problem.Round{Client: int(c.id), Seed: fleet.Round(h.Run.Seed, c.id, r.seq), Epochs: h.epochs(c)},
	}
}

// epochs is how often a client goes through its data in a round with a time budget, else 0. A machine that is emulated is
// as fast as the config says; a real one as it was in the round before, and begins with one pass.
func (h *host[T]) epochs(c *client[T]) float64 {
	switch budget := float64(h.Run.Local.Budget); {
	case h.Emulate || h.exact:
		return h.fleet.Epochs(c.id)
	case budget > 0 && c.pace > 0:
		return budget / c.pace
	case budget > 0:
		return 1
	}
	return 0
}

// hold takes the newest version as the base of a round, if it will do. With a pipeline any will: newer ones come in the
// background, and nobody waits for them.
func (h *host[T]) hold(c *client[T], r *round[T]) bool {
	newest := h.models.newest
	ahead := h.Run.Local.Pipeline > 0 && !h.exact
	if newest == nil || newest.number < r.atLeast && !ahead {
		h.need(r.atLeast)
		return false
	}
	if h.exact && newest.number > r.atLeast && r.seq == c.seq {
		h.Log.Warn("the base of a round is gone: this run will not be that of the simulator",
			zap.Uint32("client", c.id), zap.Uint64("round", r.seq), zap.Uint64("base", r.atLeast), zap.Uint64("instead", newest.number))
	}
	r.base, r.heldAt = h.models.hold(newest), h.now()
	r.downloaded, h.models.unclaimed = h.models.unclaimed, 0
	if h.Emulate && !ahead {
		if at := r.began.Add(h.down(h.models.bytesSince(c.have))); at.After(r.heldAt) {
			r.heldAt = at
		}
	}
	return true
}

// worked follows a task: its work is done, or its update is made.
func (h *host[T]) worked(t *task[T]) error {
	c := h.byID[t.client]
	if t.err == nil && !c.encoding {
		if n := t.round.Epochs; n > 0 {
			c.pace = float64(max(1, t.took)) / n
		}
		h.order(c, t)
		return nil
	}
	if err := h.finish(t); err != nil {
		return err
	}
	return h.advance(c)
}

// order has the work of a round encoded, with the client's memory as it is now.
func (h *host[T]) order(c *client[T], t *task[T]) {
	c.encoding = true
	r := c.round
	report := transport.Report{
		Waited: int64(r.heldAt.Sub(r.began)), Computed: int64(t.took), Blocked: int64(c.blocked), Downloaded: r.downloaded, Returned: c.returned,
	}
	if h.Emulate {
		report.Computed = max(report.Computed, h.fleet.Compute(c.id))
	}
	t.orders <- orders[T]{state: saved[T]{c.settled, slices.Clip(c.outbox), c.memory}, folds: c.folds, report: report}
	c.folds, c.blocked, c.returned = nil, 0, 0
}

// finish takes over what came of a task.
func (h *host[T]) finish(t *task[T]) error {
	c := h.byID[t.client]
	r, wasEncoding := c.round, c.encoding
	h.models.release(t.base)
	h.foretold(c, t)
	c.round, c.encoding = nil, false
	if t.err != nil {
		c.spoiled = wasEncoding
		switch {
		case errors.Is(t.err, errDied):
			return t.err
		case errors.Is(t.err, compress.ErrNotFinite):
			err := &DivergedError{Client: c.id, Round: t.seq, Base: t.base.number}
			h.Log.Error("diverged", zap.Error(err))
			return err
		}
		return fmt.Errorf("client %d, round %d: %w", c.id, t.seq, t.err)
	}
	h.Log.Info("made", zap.Uint32("client", c.id), zap.Uint64("round", t.seq), zap.Uint64("base", t.base.number), zap.Int("bytes", len(t.made.bytes)))
	c.outbox = append(c.outbox, t.made)
	c.have = t.base.number + 1
	c.unsaved = false
	if h.Emulate {
		h.pad(c, r.heldAt.Add(time.Duration(h.fleet.Compute(c.id))))
		if c.busy.After(c.uplink) {
			c.uplink = c.busy
		}
		c.uplink = c.uplink.Add(time.Duration(h.fleet.Up(len(t.made.bytes))))
		t.made.ready = c.uplink
	}
	return nil
}

// pad has a round last until it would be done on the machine that is emulated.
func (h *host[T]) pad(c *client[T], until time.Time) {
	if late := h.now().Sub(until); late > 0 && !h.slow {
		h.slow = true
		h.Log.Warn("this machine is slower than the one that clients.speed describes", zap.Uint32("client", c.id), zap.Duration("by", late))
	}
	c.busy = until
}

// giveUp ends a round whose work has not begun.
func (h *host[T]) giveUp(c *client[T]) {
	if c.round.base != nil {
		h.models.release(c.round.base)
	}
	c.round = nil
}

// need has a version downloaded that is at least as new as this one.
func (h *host[T]) need(number uint64) {
	h.needed = max(h.needed, number+1)
	h.fetch()
}

// follow has a version downloaded that exists, so that a client that works ahead begins its next round from it; the
// others say themselves which version they wait for.
func (h *host[T]) follow(version uint64) {
	if h.Run.Local.Pipeline > 0 {
		h.need(version)
	}
}

// fetch begins a download if one is needed and none is under way.
func (h *host[T]) fetch() {
	newest := h.models.newest
	if h.fetching || newest != nil && newest.number+1 >= h.needed || h.needed == 0 {
		return
	}
	if h.now().Before(h.fetchAt) {
		h.at(h.fetchAt)
		return
	}
	h.fetching = true
	d := &download[T]{into: h.models.blank(), want: transport.Want{AtLeast: h.needed - 1}}
	if newest != nil {
		d.base, d.want.Have = h.models.hold(newest), newest.number+1
	}
	pace := func(bytes int) time.Duration { return h.down(bytes) }
	if h.Run.Local.Pipeline == 0 || h.exact {
		pace = func(int) time.Duration { return 0 } // every client waits for its own
	}
	h.all.Go(func() {
		h.reader.fetch(h.life, h.Bulk, h.Subjects, d, pace)
		h.downloads <- d // has room for the only one
	})
}

// downloaded follows a download.
func (h *host[T]) downloaded(d *download[T]) error {
	h.fetching = false
	if d.base != nil {
		h.models.release(d.base)
	}
	if d.err != nil || d.behind {
		h.models.drop(d.into)
		wait := behindWait
		if d.err != nil {
			wait = h.fetchBackoff.next()
		}
		h.fetchAt = h.now().Add(wait)
		switch {
		case errors.Is(d.err, transport.ErrClosed):
			return d.err
		case errors.Is(d.err, transport.ErrNoAnswer), errors.Is(d.err, context.DeadlineExceeded):
			h.Log.Debug("no version downloaded", zap.Error(d.err))
		case d.err != nil:
			h.Log.Warn("no version downloaded", zap.Error(d.err))
		}
		h.fetch()
		return nil
	}
	h.fetchBackoff.reset()
	h.models.add(d)
	for _, c := range h.clients {
		if c.round != nil && c.round.base == nil {
			if err := h.advance(c); err != nil {
				return err
			}
		}
	}
	h.fetch()
	return nil
}

// down is how long a download takes where links are emulated.
func (h *host[T]) down(bytes int) time.Duration {
	if !h.Emulate {
		return 0
	}
	return time.Duration(h.fleet.Down(bytes))
}
