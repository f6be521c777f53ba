package coordinator

import (
	"context"
	"fmt"
	"time"

	"go.uber.org/zap"

	"weir/config"
	"weir/ledger"
	"weir/transport"
)

// hello answers workers.
func (l *lead[T]) hello(ctx context.Context) func(transport.Message) {
	return func(m transport.Message) {
		var h transport.Hello
		if err := transport.Decode(m.Data, &h); err != nil || transport.Token(h.Worker) != l.n.subjects.HelloWorker(m.Subject) {
			l.n.counts.refuse("malformed hello")
			return
		}
		l.call(ctx, func() {
			sync := l.welcome(&h)
			if m.Reply != "" {
				l.n.publish(m.Reply, transport.Encode(sync))
			}
		})
	}
}

// welcome takes note of a worker and tells it where its clients stand.
func (l *lead[T]) welcome(h *transport.Hello) transport.Sync {
	n := l.n
	n.mu.Lock()
	defer n.mu.Unlock()
	s := transport.Sync{Beat: n.beat(l.term)}
	if s.Refused = n.refusal(h); s.Refused != "" {
		n.counts.refuse("worker")
		n.log.Warn("worker refused", zap.String("worker", h.Worker), zap.String("why", s.Refused))
		return s
	}
	w := l.workers[h.Worker]
	if w == nil {
		w = &host{name: h.Worker}
		l.workers[h.Worker] = w
		n.log.Info("worker joined", zap.String("worker", h.Worker), zap.Int("clients", len(h.Clients)))
	}
	w.heard = time.Now()
	w.clients = w.clients[:0]
	for _, m := range h.Clients {
		w.clients = append(w.clients, m.Client)
		l.home[m.Client] = h.Worker
		l.held[m.Client] = m.Held
		switch {
		case h.Leaving:
			delete(l.joining, m.Client)
		case !n.state.machine.Ledger.Standing(m.Client).Present:
			l.joining[m.Client] = m
		}
		s.Clients = append(s.Clients, n.state.standing(m.Client))
	}
	if h.Leaving {
		w.heard = time.Time{}
	}
	s.Waiting = l.missing()
	return s
}

// refusal is why a worker cannot take part; empty when it can. The caller holds the lock.
func (n *node[T]) refusal(h *transport.Hello) string {
	if h.Config != "" {
		if differs := config.Differences(n.state.genesis.Config, []byte(h.Config)); len(differs) > 0 {
			return "its config is not the run's: " + differs[0]
		}
	}
	for _, m := range h.Clients {
		if int(m.Client) >= n.problem.Clients() {
			return fmt.Sprintf("client %d: the run has clients 0 to %d", m.Client, n.problem.Clients()-1)
		}
		if want := n.problem.Samples(int(m.Client)); m.Samples != uint64(want) {
			return fmt.Sprintf("client %d holds %d samples there and %d here: are the data sets the same?", m.Client, m.Samples, want)
		}
	}
	return ""
}

// missing is how many clients the run waits for before it starts. The caller holds the lock.
func (l *lead[T]) missing() int {
	if l.n.state.machine.Ledger.Started() {
		return 0
	}
	missing := 0
	for i := range uint32(l.n.problem.Clients()) {
		if _, joins := l.joining[i]; !joins && !l.n.state.machine.Ledger.Standing(i).Present {
			missing++
		}
	}
	return missing
}

// expire gives up the clients of workers that were not heard for their lease, and those that no worker has claimed.
func (l *lead[T]) expire(ctx context.Context) error {
	n := l.n
	now := time.Now()
	n.mu.Lock()
	var gone []uint32
	for name, w := range l.workers {
		if now.Sub(w.heard) < transport.Lease {
			continue
		}
		n.log.Info("worker gone", zap.String("worker", name), zap.Int("clients", len(w.clients)))
		delete(l.workers, name)
		for _, client := range w.clients {
			if l.home[client] == name {
				delete(l.home, client)
				delete(l.joining, client)
				gone = append(gone, client)
			}
		}
	}
	if !l.claimed && now.Sub(l.began) >= transport.Lease {
		l.claimed = true
		for i := range uint32(n.state.machine.Ledger.Clients()) {
			if _, claimed := l.home[i]; !claimed {
				gone = append(gone, i)
			}
		}
	}
	leave := gone[:0]
	for _, client := range gone {
		if n.state.machine.Ledger.Standing(client).Present && n.state.machine.Ledger.Started() {
			leave = append(leave, client)
		}
	}
	n.mu.Unlock()
	for _, client := range leave {
		if err := l.command(ctx, ledger.Command{Kind: ledger.Leave, Time: l.stamp(), Client: client}); err != nil {
			return err
		}
	}
	return nil
}

// register proposes the clients that are there, in order, and the start of the run once all are.
func (l *lead[T]) register(ctx context.Context) error {
	n := l.n
	if len(l.joining) == 0 && l.started { // else an earlier leader may have registered all, and no more
		return nil
	}
	n.mu.Lock()
	all := n.problem.Clients()
	missing := l.missing()
	var ready []transport.Member
	for i := range uint32(all) {
		m, joins := l.joining[i]
		if joins && !n.state.machine.Ledger.Standing(i).Present {
			ready = append(ready, m)
		}
	}
	n.mu.Unlock()
	if missing > 0 {
		return nil
	}
	n.mu.Lock()
	clear(l.joining)
	n.mu.Unlock()
	now := l.stamp()
	for _, m := range ready {
		c := ledger.Command{Kind: ledger.Register, Time: now, Client: m.Client, Samples: m.Samples, Cycle: l.cycle(m)}
		if err := l.command(ctx, c); err != nil {
			return err
		}
	}
	if l.started {
		return nil
	}
	l.started = true
	n.log.Info("starting", zap.Int("clients", all))
	return l.command(ctx, ledger.Command{Kind: ledger.Start, Time: now})
}

// cycle is the client's cycle time: the configured one where there is one.
func (l *lead[T]) cycle(m transport.Member) int64 {
	if l.n.ordered() {
		return l.n.state.fleet.Compute(m.Client)
	}
	return m.Cycle
}
