package worker

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"go.uber.org/zap"

	"weir/compress"
	"weir/fleet"
	"weir/problem"
	"weir/transport"
	"weir/vec"
)

// host is a worker at work. The goroutine of loop owns everything in it.
type host[T vec.Float] struct {
	Config
	yaml    string // the run's configuration
	problem problem.Problem[T]
	codec   *compress.Codec[T]
	reader  *reader[T]
	fleet   *fleet.Fleet
	cycles  []int64 // by client, from assignment to arrival, in nanoseconds; 0 is not known
	exact   bool    // clients.durations: a round begins from the very version that the ledger named

	clients []*client[T]
	byID    map[uint32]*client[T]
	ready   []*client[T] // those with a frame to publish, in turn
	models  models[T]
	needed  uint64 // 1 + the version that somebody waits for, or 0
	beat    transport.Beat
	missing int // clients without which the run does not start
	joined  bool
	over    bool // the run has stopped, and it is known what became of everything
	slow    bool // it was said that work takes longer than it is to

	pool      pool[T]
	inbox     chan any // transport.Beat, transport.Notes
	outgoing  chan message
	greetings chan *greeting
	greeting  context.CancelFunc // nil while no hello is to be answered
	downloads chan *download[T]
	fetching  bool

	timer        *time.Timer
	wake         time.Time // when timer fires; zero when nothing is due
	helloAt      time.Time
	helloBackoff backoff
	alone        time.Time // since when no hello has been answered; zero while they are
	told         bool      // that it has been so for long
	fetchAt      time.Time
	fetchBackoff backoff
	patience     time.Time // when the run's end is taken for certain without an answer

	life context.Context // of all goroutines //nolint:containedctx // ends with run
	end  context.CancelFunc
	all  sync.WaitGroup
}

// stopPatience is how long the worker asks what became of its updates once the run has stopped.
const stopPatience = 5 * time.Second

func start[T vec.Float](ctx context.Context, cfg Config, p problem.Problem[T]) error {
	h, err := newHost(cfg, p)
	if err != nil {
		return err
	}
	return h.run(ctx)
}

func newHost[T vec.Float](cfg Config, p problem.Problem[T]) (*host[T], error) {
	if p.Clients() != cfg.Run.Clients.Count {
		return nil, cfg.Run.Fault("clients.count", "must be %d: the problem has data for as many", p.Clients())
	}
	if cfg.Bulk == nil {
		cfg.Bulk = cfg.Conn
	}
	if cfg.dies == nil {
		cfg.dies = func(step, uint32) bool { return false }
	}
	codec, err := compress.NewCodec[T](cfg.Run.Compress, p.Dim(), cfg.Run.Seed)
	if err != nil {
		return nil, err
	}
	reader, err := newReader[T](cfg.Run, p.Dim())
	if err != nil {
		return nil, err
	}
	n := len(cfg.Clients)
	random := rand.New(rand.NewPCG(cfg.Run.Seed, number(cfg.Name)))
	h := &host[T]{
		Config: cfg, yaml: string(cfg.Run.YAML()), problem: p, codec: codec, reader: reader,
		exact:  len(cfg.Run.Clients.Durations) > 0,
		byID:   make(map[uint32]*client[T], n),
		models: models[T]{dim: p.Dim(), dense: reader.dense, remember: cfg.Run.Local.Start == "predicted", directed: cfg.Run.Selection.Directed()},
		inbox:  make(chan any, 64+4*n), outgoing: make(chan message), greetings: make(chan *greeting, 1), downloads: make(chan *download[T], 1),
		helloBackoff: backoff{random: random}, fetchBackoff: backoff{random: random},
	}
	h.pool = pool[T]{
		codec: codec, dir: cfg.Dir, run: h.yaml, log: cfg.Log, dies: cfg.dies,
		queue: make(chan *task[T], n), results: make(chan *task[T], 2*n),
	}
	if err := h.restore(); err != nil {
		return nil, err
	}
	if h.fleet, err = fleet.New(cfg.Run); err != nil {
		return nil, err
	}
	h.cycles = make([]int64, p.Clients()) // the ledger sees how long they take
	if cfg.Emulate || h.exact {
		if h.cycles, err = fleet.ExpectedCycles[T](h.fleet, cfg.Run.Compress, p.Dim()); err != nil {
			return nil, err
		}
	}
	return h, nil
}

// restore reads the clients' state.
func (h *host[T]) restore() error {
	for _, id := range h.Clients {
		c := &client[T]{id: id, facts: make(map[uint64]fact)}
		s, err := loadState(h.codec, h.Dir, h.yaml, id)
		if err != nil {
			return err
		}
		if s != nil {
			c.settled, c.outbox, c.memory = s.settled, s.outbox, s.memory
		}
		h.clients = append(h.clients, c)
		h.byID[id] = c
	}
	return nil
}

// run starts the goroutines, works, and ends them.
func (h *host[T]) run(ctx context.Context) error {
	h.life, h.end = context.WithCancel(context.WithoutCancel(ctx))
	defer h.end()
	for range h.Cores {
		h.all.Go(func() { h.pool.serve(h.life, h.problem.Operator()) })
	}
	h.all.Go(func() { h.publish(h.life) })
	h.timer = time.NewTimer(time.Hour)
	defer h.timer.Stop()
	subscriptions, err := h.subscribe()
	if err == nil {
		err = h.loop(ctx)
	}
	h.end()
	for _, s := range subscriptions {
		s.Close() //nolint:errcheck // nothing comes of it
	}
	h.all.Wait()
	if errors.Is(err, errDied) {
		return err
	}
	h.leave()
	return errors.Join(err, h.save())
}

// subscribe listens to the leader.
func (h *host[T]) subscribe() ([]transport.Subscription, error) {
	var all []transport.Subscription
	listen := func(subject string, decode func(b []byte) (any, error)) error {
		s, err := h.Conn.Subscribe(subject, "", func(m transport.Message) {
			v, err := decode(m.Data)
			if err != nil {
				h.Log.Debug("message not understood", zap.String("subject", m.Subject), zap.Error(err))
				return
			}
			select {
			case h.inbox <- v:
			case <-h.life.Done():
			}
		})
		if err == nil {
			all = append(all, s)
		}
		return err
	}
	err := listen(h.Subjects.Beat(), func(b []byte) (any, error) {
		var beat transport.Beat
		return beat, transport.Decode(b, &beat)
	})
	if err == nil {
		err = listen(h.Subjects.Worker(h.Name), func(b []byte) (any, error) {
			var notes transport.Notes
			return notes, transport.Decode(b, &notes)
		})
	}
	return all, err
}

// loop handles what happens until the run is over.
func (h *host[T]) loop(ctx context.Context) error {
	h.greet()
	for !h.over {
		message, out := h.upNext()
		var err error
		select {
		case <-ctx.Done():
			return ctx.Err()
		case m := <-h.inbox:
			err = h.hear(m)
		case g := <-h.greetings:
			err = h.greeted(g)
		case d := <-h.downloads:
			err = h.downloaded(d)
		case t := <-h.pool.results:
			err = h.worked(t)
		case out <- message:
			err = h.handedOver()
		case <-h.timer.C:
			err = h.lookAround()
		}
		if err != nil {
			return err
		}
	}
	h.Log.Info("the run has stopped", zap.String("by", h.beat.Stopped), zap.Uint64("version", h.beat.Version))
	return nil
}

func (h *host[T]) now() time.Time { return time.Now() }

// at sees to it that the loop looks around at t.
func (h *host[T]) at(t time.Time) {
	if h.wake.IsZero() || t.Before(h.wake) {
		h.wake = t
		h.timer.Reset(time.Until(t))
	}
}

// wakeAt sees to it that the loop looks after c at t.
func (h *host[T]) wakeAt(c *client[T], t time.Time) {
	if c.wake.IsZero() || t.Before(c.wake) {
		c.wake = t
	}
	h.at(t)
}

// lookAround does what is due.
func (h *host[T]) lookAround() error {
	h.wake = time.Time{}
	now := h.now()
	for _, c := range h.clients {
		switch {
		case c.wake.IsZero():
		case now.Before(c.wake):
			h.at(c.wake)
		default:
			c.wake = time.Time{}
			if err := h.advance(c); err != nil {
				return err
			}
		}
	}
	if h.greeting == nil && !now.Before(h.helloAt) {
		h.greet()
	}
	if h.greeting == nil {
		h.at(h.helloAt)
	}
	h.fetch()
	if h.beat.Stopped != "" {
		h.over = h.over || !now.Before(h.patience)
		h.at(h.patience)
	}
	return nil
}

// hear takes in what the leader says unasked.
func (h *host[T]) hear(m any) error {
	switch m := m.(type) {
	case transport.Beat:
		h.hearBeat(m)
	case transport.Notes:
		for _, n := range m {
			if err := h.hearNote(n, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// hearBeat follows the leader.
func (h *host[T]) hearBeat(b transport.Beat) {
	if b.Term < h.beat.Term {
		return
	}
	other := b.Term != h.beat.Term || b.Node != h.beat.Node
	stopped := h.beat.Stopped == "" && b.Stopped != ""
	if h.beat.Stopped != "" {
		b.Stopped = h.beat.Stopped
	}
	b.Version = max(b.Version, h.beat.Version)
	h.beat = b
	if other {
		h.Log.Info("leader", zap.String("node", b.Node), zap.Uint64("term", b.Term))
		for _, c := range h.clients {
			c.again()
			h.wakeAt(c, h.now())
		}
	}
	if stopped {
		h.patience = h.now().Add(stopPatience)
		h.at(h.patience)
	}
	if other && h.greeting != nil {
		h.greeting() // nobody answers that any more
	}
	if other || stopped {
		h.hurry()
	}
	h.follow(b.Version)
}

// hearNote takes in news of a client; asked is when they were asked for, or nil.
func (h *host[T]) hearNote(n transport.Note, asked *time.Time) error {
	c := h.byID[n.Client]
	if c == nil {
		return nil
	}
	if err := h.learn(c, n, asked != nil); err != nil {
		return err
	}
	var at time.Time
	if asked != nil {
		at = *asked
	}
	c.acknowledge(h.now(), n, at)
	h.follow(c.base)
	return h.advance(c)
}

// advance does what can be done for a client now.
func (h *host[T]) advance(c *client[T]) error {
	if err := h.settle(c); err != nil {
		return err
	}
	h.work(c)
	h.send(c)
	c.account(h.now(), h.Run.Local.Pipeline)
	return nil
}

// save writes the state of the clients whose files are behind, so that a folder that is left says all that is known.
func (h *host[T]) save() error {
	for len(h.pool.results) > 0 { // done while the worker was about to end
		if t := <-h.pool.results; t.made != nil || t.err != nil {
			h.finish(t) //nolint:errcheck // an error of work that was cancelled
		}
	}
	var faults []error
	for _, c := range h.clients {
		if !c.unsaved || c.spoiled || c.encoding || c.memory == nil {
			continue
		}
		err := foldAll(h.codec, c.memory, c.folds)
		if err == nil {
			err = writeState(h.Dir, c.id, appendState(nil, h.yaml, c.id, saved[T]{c.settled, c.outbox, c.memory}))
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("client %d: writing its state: %w", c.id, err))
		}
	}
	return errors.Join(faults...)
}
