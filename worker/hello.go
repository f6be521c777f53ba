package worker

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"go.uber.org/zap"

	"weir/transport"
)

// Waiting times of what is tried again: doubled from the first to the last, each time by half more or less.
const (
	firstRetry = 100 * time.Millisecond
	lastRetry  = time.Second
	behindWait = 50 * time.Millisecond // a node that has not got a version yet has it soon

	helloTimeout = 2 * time.Second
	longAlone    = 20 * time.Second
	leaveTimeout = time.Second
)

// backoff says how long to wait after a failure.
type backoff struct {
	wait   time.Duration
	random *rand.Rand
}

func (b *backoff) reset() { b.wait = 0 }

func (b *backoff) next() time.Duration {
	b.wait = min(max(firstRetry, 2*b.wait), lastRetry)
	return b.wait/2 + time.Duration(b.random.Float64()*float64(b.wait))
}

// greeting is one hello and what came of it.
type greeting struct {
	asked  time.Time
	answer transport.Sync
	err    error
}

// greet says hello, unless one is still to be answered.
func (h *host[T]) greet() {
	if h.greeting != nil {
		return
	}
	now := h.now()
	g := &greeting{asked: now}
	hello := transport.Encode(h.hello(false))
	ctx, cancel := context.WithTimeout(h.life, helloTimeout)
	h.greeting = cancel
	h.helloAt = now.Add(transport.HelloEvery)
	h.all.Go(func() {
		defer cancel()
		answer, err := h.Conn.Request(ctx, h.Subjects.Hello(h.Name), hello)
		if err == nil {
			err = transport.Decode(answer, &g.answer)
		}
		g.err = err
		h.greetings <- g // has room for the only one
	})
}

// hurry says hello as soon as the one under way is answered.
func (h *host[T]) hurry() {
	h.helloAt = h.now()
	h.at(h.helloAt)
}

// retryHello has the next hello come later and later, but for one that is in a hurry.
func (h *host[T]) retryHello() {
	if now := h.now(); h.helloAt.After(now) {
		h.helloAt = now.Add(h.helloBackoff.next())
	}
}

// hello is what the worker says of itself.
func (h *host[T]) hello(leaving bool) transport.Hello {
	hello := transport.Hello{Worker: h.Name, Leaving: leaving}
	if !h.joined {
		hello.Config = h.yaml
	}
	for _, c := range h.clients {
		hello.Clients = append(hello.Clients, transport.Member{
			Client: c.id, Samples: uint64(h.problem.Samples(int(c.id))), Cycle: h.cycles[c.id], Held: c.held,
		})
	}
	return hello
}

// greeted takes in the answer to a hello.
func (h *host[T]) greeted(g *greeting) error {
	h.greeting()
	h.greeting = nil
	defer func() { h.at(h.helloAt) }()
	switch {
	case errors.Is(g.err, transport.ErrClosed):
		return g.err
	case g.err != nil:
		h.retryHello()
		h.unanswered(g.err)
		return nil
	case g.answer.Refused != "":
		return &RefusedError{h.Name, g.answer.Refused}
	case g.answer.Term < h.beat.Term: // from a node that was deposed meanwhile
		h.retryHello()
		return nil
	}
	h.helloBackoff.reset()
	h.answered()
	h.hearBeat(g.answer.Beat)
	if !h.joined {
		h.joined = true
		h.Log.Info("joined", zap.String("leader", h.beat.Node), zap.Uint64("version", h.beat.Version), zap.Int("clients", len(h.clients)))
	}
	if missing := g.answer.Waiting; missing != h.missing {
		h.missing = missing
		h.Log.Info("waiting for the clients of other workers", zap.Int("missing", missing))
	}
	for _, n := range g.answer.Clients {
		if err := h.hearNote(n, &g.asked); err != nil {
			return err
		}
	}
	h.over = g.answer.Stopped != "" // these were the last news of every client
	return nil
}

// unanswered takes note of a hello that nobody answered, and says so once it has been so for long: the worker then waits
// for somebody to start the nodes again, or to end it.
func (h *host[T]) unanswered(err error) {
	h.Log.Debug("no answer to hello", zap.Error(err))
	now := h.now()
	if h.alone.IsZero() {
		h.alone = now
	}
	if !h.told && now.Sub(h.alone) >= longAlone {
		h.told = true
		h.Log.Warn("nobody leads the run, or no node can be reached: waiting for them; end this worker if the run is over", zap.Duration("since", now.Sub(h.alone)), zap.Error(err))
	}
}

// answered ends what unanswered took note of.
func (h *host[T]) answered() {
	if h.told {
		h.Log.Info("the run answers again")
	}
	h.alone, h.told = time.Time{}, false
}

// leave tells the leader that the worker ends.
func (h *host[T]) leave() {
	if !h.joined || h.beat.Stopped != "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), leaveTimeout)
	defer cancel()
	_, err := h.Conn.Request(ctx, h.Subjects.Hello(h.Name), transport.Encode(h.hello(true)))
	h.Log.Info("left", zap.Error(err))
}

// number is any of the numbers that name stands for.
func number(name string) (n uint64) {
	for _, b := range []byte(name) {
		n = n*31 + uint64(b)
	}
	return n
}
