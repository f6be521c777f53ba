package coordinator

import (
	"context"

	"weir/aggregate"
	"weir/ledger"
)

// In a run with clients.durations time is what the durations say, as in the simulator: an update arrives when its round
// has lasted as long as it is to last, whenever it really comes. The leader proposes arrivals and ticks in that order and
// with those times, waits for the update that is next however many others are there, and lets no time pass before
// everybody at work holds its base. So a cluster decides what the simulator decides.

// ordered says whether this is such a run.
func (n *node[T]) ordered() bool { return len(n.cfg.Run.Clients.Durations) > 0 }

// follow proposes what is next, as long as it is here.
func (l *lead[T]) follow(ctx context.Context) error {
	for ctx.Err() == nil {
		u, tick, now := l.next()
		switch {
		case u != nil:
			all := u.entries(now)
			last := len(all) - 1
			for _, e := range all[:last] {
				if err := l.proposals.add(ctx, e); err != nil {
					return err
				}
			}
			if err := l.proposals.commit(all[last]); err != nil {
				return err
			}
		case tick:
			if err := l.proposals.commit(command{Kind: ledger.Tick, Time: now}); err != nil {
				return err
			}
		default:
			return nil
		}
	}
	return nil
}

// next is the next thing to happen and when: an arrival, a tick, or neither as long as something has to be waited for.
func (l *lead[T]) next() (u *update, tick bool, now int64) {
	n := l.n
	n.mu.Lock()
	defer n.mu.Unlock()
	s := n.state
	if !s.machine.Ledger.Started() || s.machine.Ledger.Stopped() != "" || s.journal.Awaits() {
		return nil, false, 0
	}
	at, first := int64(aggregate.Never), uint32(0)
	for i := range uint32(len(s.clients)) {
		k := s.machine.Ledger.Standing(i)
		if !k.Awaited {
			continue
		}
		if l.held[i] < k.Seq {
			return nil, false, 0
		}
		if arrives := s.clients[i].Assigned + s.fleet.Compute(i); arrives < at {
			at, first = arrives, i
		}
	}
	due := s.machine.Ledger.Due()
	switch {
	case at == aggregate.Never && due == aggregate.Never:
		return nil, false, 0
	case due < at:
		return nil, true, due
	}
	awaited := clientRound{first, s.machine.Ledger.Standing(first).Seq}
	if u = l.ahead[awaited]; u == nil {
		return nil, false, 0
	}
	delete(l.ahead, awaited)
	return u, false, at
}
