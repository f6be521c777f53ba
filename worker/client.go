package worker

import (
	"time"

	"weir/compress"
	"weir/transport"
	"weir/vec"
)

// client is one client of the worker. The event loop owns it.
type client[T vec.Float] struct {
	id     uint32
	memory *compress.Memory[T] // the pool's while encoding; nil until it is known in which epoch a new one begins

	settled uint64    // rounds up to here are over: they are never worked again
	outbox  []*update // what was made after them, oldest first
	facts   map[uint64]fact
	folds   []fold // what the memory is to take back before the next update
	unsaved bool   // the client's file is behind
	spoiled bool   // the memory does not fit the file any more, and must not be written

	// The newest round that the ledger has given.
	seq, base uint64
	awaited   bool
	density   float64 // of round seq's update; 0 is as configured
	synced    bool    // a Sync has said where the client stands

	round    *round[T]
	unseen   []progress[T] // oldest first, where rounds start from predictions
	encoding bool          // the pool has the memory
	busy     time.Time     // end of the last round's work, where machines are emulated
	pace     float64       // nanoseconds that a pass over its data took last; 0 before the first, or without a time budget
	have     uint64        // 1 + the version of its last round, or 0
	held     uint64        // the newest round whose base it holds

	uplink    time.Time // until when the link is taken, where links are emulated
	sending   *update   // the one that is on its way
	sent      int       // frames of it that were published
	acked     int       // frames of it that the leader holds
	ackedAt   time.Time
	resend    time.Time // when what was sent and is not acknowledged is sent again
	delivered uint64    // the newest update of which the leader holds all
	queued    bool      // in host.ready

	wake time.Time // when something is due; zero for nothing

	// For the next report.
	blocked      time.Duration
	blockedSince time.Time // zero while it is not
	returned     int
}

// round is a round that is under way, from the moment in which it is known until its update is made.
type round[T vec.Float] struct {
	seq        uint64
	atLeast    uint64 // the oldest base that will do
	began      time.Time
	base       *version[T] // nil until it is held
	heldAt     time.Time   // when the base counts as held, where links are emulated
	downloaded int
	working    bool // the pool has it
}

// fact is what is known of an update that is not settled.
type fact struct {
	admitted bool // it is in the log: a refusal after this is that of a copy
	over     bool // nothing more will become of it
	outcome  transport.Outcome
}

// newest is the newest round that was made, is being made, or is over.
func (c *client[T]) newest() uint64 {
	switch n := len(c.outbox); {
	case c.round != nil:
		return c.round.seq
	case n > 0:
		return max(c.settled, c.outbox[n-1].seq)
	}
	return c.settled
}

// next is the round to work on now, and the oldest base for it. With a pipeline the client works ahead of the
// ledger by one round, while it waits for the outcome of the one before.
func (c *client[T]) next(pipeline int) (seq, atLeast uint64, ok bool) {
	if c.round != nil || !c.synced || len(c.outbox) > pipeline {
		return 0, 0, false
	}
	newest := c.newest()
	switch {
	case c.awaited && c.seq > newest:
		return c.seq, c.base, true
	case len(c.outbox) > 0 && newest == c.seq:
		return newest + 1, 0, true
	}
	return 0, 0, false
}

// awaitedUpdate is the update that the ledger waits for, or nil.
func (c *client[T]) awaitedUpdate() *update {
	if !c.awaited {
		return nil
	}
	for _, u := range c.outbox {
		if f := c.facts[u.seq]; u.seq == c.seq && !f.over && !f.admitted {
			return u
		}
	}
	return nil
}

// isBlocked says whether the client could compute but for the network: it waits for its base, or its pipeline is full of
// an update that the leader does not hold yet.
func (c *client[T]) isBlocked(now time.Time, pipeline int) bool {
	switch {
	case c.round != nil:
		return c.round.base == nil || now.Before(c.round.heldAt)
	case now.Before(c.busy):
		return false
	case len(c.outbox) > pipeline:
		u := c.awaitedUpdate()
		return u != nil && u.seq > c.delivered
	}
	return false
}

// account adds up for how long the client has been blocked.
func (c *client[T]) account(now time.Time, pipeline int) {
	if !c.blockedSince.IsZero() {
		c.blocked += now.Sub(c.blockedSince)
		c.blockedSince = time.Time{}
	}
	if c.isBlocked(now, pipeline) {
		c.blockedSince = now
	}
}
