package worker

import (
	"fmt"

	"go.uber.org/zap"

	"weir/ledger"
	"weir/transport"
)

// learn takes in what the leader says of a client. A Sync is all there is to know, so a round that it has given up and
// that has no outcome is void.
func (h *host[T]) learn(c *client[T], n transport.Note, sync bool) error {
	switch {
	case n.Seq > c.seq:
		c.seq, c.base, c.awaited, c.density = n.Seq, n.Base, n.Awaited, n.Density
		if n.Seq <= c.delivered {
			c.ackedAt = h.now() // from now on the leader has a reason to answer
		}
		if again := h.now().Add(transport.ResendAfter); c.sending != nil && c.sending.seq == n.Seq && c.resend.After(again) {
			c.resend = again
		}
	case n.Seq == c.seq && n.Seq > 0:
		c.awaited = c.awaited && n.Awaited // once it is over, it stays so
	}
	for _, o := range n.Outcomes {
		c.hearOutcome(o)
	}
	if !sync {
		return nil
	}
	if c.memory == nil {
		if err := h.begin(c, n); err != nil {
			return err
		}
	}
	c.synced = true
	for _, seq := range c.open() {
		if f := c.facts[seq]; seq <= n.Seq && !(seq == n.Seq && n.Awaited) && !f.admitted && !f.over {
			c.facts[seq] = fact{over: true, outcome: transport.Outcome{Seq: seq, Verdict: ledger.Refused}}
		}
	}
	if c.round == nil && len(c.outbox) == 0 { // nothing of ours is among the rounds that are over
		over := n.Seq
		if n.Awaited && over > 0 {
			over--
		}
		c.settled = max(c.settled, over)
	}
	return nil
}

// begin gives a client that has no state here its memory: a new one or, where the server knows the client, one in an
// epoch of its own.
func (h *host[T]) begin(c *client[T], n transport.Note) error {
	epoch := n.Epoch
	if len(n.Outcomes) > 0 || epoch > 0 {
		if h.codec.Mean() {
			return fmt.Errorf("%w: client %d has sent updates before, and %s does not hold its feedback memory, which compress.memory mean cannot do without: bring the folder back, or host the client where it was",
				ErrState, c.id, h.Dir)
		}
		epoch++
		h.Log.Warn("feedback memory lost, beginning a new one", zap.Uint32("client", c.id), zap.Uint32("epoch", epoch))
	}
	if !h.codec.Ordered() {
		epoch = 0
	}
	c.memory = h.codec.NewMemory(epoch)
	return nil
}

// open are the rounds of this client that are not settled: those in the outbox and the one that is under way.
func (c *client[T]) open() []uint64 {
	var seqs []uint64
	for _, u := range c.outbox {
		seqs = append(seqs, u.seq)
	}
	if c.round != nil {
		seqs = append(seqs, c.round.seq)
	}
	return seqs
}

// hearOutcome notes what became of an update, in whatever order the news come and however often.
func (c *client[T]) hearOutcome(o transport.Outcome) {
	f := c.facts[o.Seq]
	switch {
	case o.Seq <= c.settled || f.over || o.Verdict == ledger.Duplicate:
		return // old news, or news of a copy
	case o.Verdict == ledger.Admitted:
		f.admitted = true
	case f.admitted || o.Reason == ledger.UnknownClient:
		return // refused was a copy; or the worker was thought gone, and the next Sync says what that meant
	}
	if o.Settled() {
		f.over, f.outcome = true, o
	}
	c.facts[o.Seq] = f
}

// settle acts on what is known of the updates, oldest first: each waits for the one before it.
func (h *host[T]) settle(c *client[T]) error {
	if r := c.round; r != nil && !r.working && c.facts[r.seq].over {
		h.giveUp(c)
	}
	for len(c.outbox) > 0 && !c.encoding {
		u := c.outbox[0]
		f := c.facts[u.seq]
		if !f.over {
			return nil
		}
		h.conclude(c, u, f.outcome)
		c.forget(u.seq)
		c.unsaved = true
		if h.dies(settled, c.id) {
			return errDied
		}
	}
	if c.round != nil || len(c.outbox) > 0 {
		return nil
	}
	for seq, f := range c.facts { // of rounds that were made elsewhere, or by this client before it lost its state
		if f.over && seq > c.settled {
			c.settled = seq
		}
	}
	c.forget(c.settled)
	return nil
}

// forget drops what is known of rounds that are over.
func (c *client[T]) forget(settled uint64) {
	c.settled = max(c.settled, settled)
	for seq := range c.facts {
		if seq <= c.settled {
			delete(c.facts, seq)
		}
	}
}

// conclude takes the oldest update out of the outbox.
func (h *host[T]) conclude(c *client[T], u *update, o transport.Outcome) {
	log := h.Log.With(zap.Uint32("client", c.id), zap.Uint64("round", u.seq), zap.Uint64("base", u.base))
	later := c.outbox[1:]
	switch o.Verdict {
	case ledger.Admitted:
		log.Info("committed", zap.Uint64("version", o.Version))
		c.committed(u.seq, o.Version)
	case ledger.Late:
		log.Info("late", zap.Stringer("reason", o.Reason))
		c.lost(u)
		if !h.codec.Mean() { // which weighs it all the same
			c.folds = append(c.folds, fold{expired: u, updates: later})
			c.returned++
		}
	default:
		log.Warn("refused", zap.Stringer("reason", o.Reason), zap.Bool("void", o.Reason == ledger.None))
		back := []*update{u}
		if h.codec.Ordered() { // the server can decode none of those that follow
			back, later = c.outbox, nil
		}
		c.lost(back...)
		c.folds = append(c.folds, fold{updates: back})
		c.returned += len(back)
	}
	c.outbox = later
}
