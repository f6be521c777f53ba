package transport

import (
	"container/heap"
	"context"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strings"
	"sync"
	"time"
)

// Faults are what a network does to every message on its way. The zero value is a perfect network.
type Faults struct {
	Latency   time.Duration // what a message takes
	Jitter    time.Duration // up to so much longer, uniformly; messages of one sender on one subject stay in order
	Loss      float64       // share of the messages that do not arrive
	Duplicate float64       // share of those that arrive twice, the second time at once or after later ones
	Pending   int           // bytes that may wait for a subscriber, further messages are dropped; 0 for what Dial allows
}

// Memory is a network in memory: what NATS promises and no more, for tests in virtual time (it runs inside a
// testing/synctest bubble). Its faults come from a seed: what befalls the n-th message from one sender on one subject to
// one subscriber is always the same, whatever else goes on.
//
// Unlike NATS, which forgets subscribers that it cannot reach after some seconds, it knows no difference between one
// that is cut off and one that is slow: messages to it vanish, also those that another of its group would have got.
type Memory struct {
	seed uint64

	mu     sync.Mutex
	faults Faults
	cut    map[way]bool
	subs   []*memorySub // in the order in which they subscribed
	conns  int          // that were made
}

// way is a direction between two named ends.
type way struct{ from, to string }

// NewMemory returns a network without ends.
func NewMemory(seed uint64, f Faults) *Memory {
	return &Memory{seed: seed, faults: f, cut: make(map[way]bool)}
}

// SetFaults changes the faults for the messages that are sent from now on.
func (m *Memory) SetFaults(f Faults) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.faults = f
}

// Cut parts two ends: what is on its way between them is lost, and what follows.
func (m *Memory) Cut(a, b string) {
	m.CutOneWay(a, b)
	m.CutOneWay(b, a)
}

// CutOneWay loses the messages of one end to another, but not those that come back.
func (m *Memory) CutOneWay(from, to string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.cut[way{from, to}] = true
	for _, s := range m.subs {
		if s.conn.name == to {
			s.lose(from)
		}
	}
}

// Heal joins two ends again, in both directions.
func (m *Memory) Heal(a, b string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.cut, way{a, b})
	delete(m.cut, way{b, a})
}

// Connect returns a connection of the end called name. An end may have several.
func (m *Memory) Connect(name string) Conn {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.conns++
	return &memoryConn{net: m, name: name, number: m.conns, done: make(chan struct{})}
}

// send queues a message for every subscriber that is to get it, and returns how many there are.
func (m *Memory) send(c *memoryConn, msg Message) (int, error) {
	if err := checkMessage(msg.Subject, msg.Data); err != nil {
		return 0, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if c.closed {
		return 0, ErrClosed
	}
	c.sent++
	receivers := m.receivers(c, msg.Subject)
	for _, s := range receivers {
		if !m.cut[way{c.name, s.conn.name}] {
			s.enqueue(c.name, msg, m.faults)
		}
	}
	return len(receivers), nil
}

// receivers are the subscribers of a subject: all that have no group, and one of each group, by chance.
func (m *Memory) receivers(c *memoryConn, subject string) []*memorySub {
	var all []*memorySub
	groups := make(map[string][]*memorySub)
	for _, s := range m.subs {
		switch {
		case !matches(s.pattern, subject):
		case s.group == "":
			all = append(all, s)
		default:
			groups[s.group] = append(groups[s.group], s)
		}
	}
	for name, members := range groups {
		chance := m.chance(c.name, subject, name, c.sent)
		all = append(all, members[chance.IntN(len(members))])
	}
	return all
}

// chance is a source of random numbers that depends on the seed and on parts alone.
func (m *Memory) chance(from, subject, to string, n uint64) *rand.Rand {
	h := fnv.New64a()
	for _, part := range []string{from, subject, to} {
		h.Write([]byte(part)) //nolint:errcheck // never fails
		h.Write([]byte{0})    //nolint:errcheck // never fails
	}
	h.Write(binary.LittleEndian.AppendUint64(nil, n)) //nolint:errcheck // never fails
	return rand.New(rand.NewPCG(m.seed, h.Sum64()))
}

// checkMessage refuses what NATS would not carry.
func checkMessage(subject string, data []byte) error {
	if subject == "" || strings.ContainsAny(subject, " \t\r\n*>") {
		return fmt.Errorf("transport: %q is no subject to publish on", subject)
	}
	if len(data) > MaxMessage {
		return fmt.Errorf("transport: a message of %d bytes on %s: at most %d may be sent", len(data), subject, MaxMessage)
	}
	return nil
}

// matches reports whether a subject is one of a pattern's: * stands for one part, > for all that follow.
func matches(pattern, subject string) bool {
	for {
		p, morePattern, goesOn := strings.Cut(pattern, ".")
		if p == ">" {
			return true
		}
		s, moreSubject, more := strings.Cut(subject, ".")
		if p != "*" && p != s || goesOn != more {
			return false
		}
		if !goesOn {
			return true
		}
		pattern, subject = morePattern, moreSubject
	}
}

// memoryConn is one end's connection. What it holds is guarded by the network's mutex.
type memoryConn struct {
	net      *Memory
	name     string
	number   int
	done     chan struct{}
	handlers sync.WaitGroup

	closed   bool
	sent     uint64
	requests uint64
}

func (c *memoryConn) Publish(subject string, data []byte) error {
	_, err := c.net.send(c, Message{Subject: subject, Data: data})
	return err
}

func (c *memoryConn) Request(ctx context.Context, subject string, data []byte) ([]byte, error) {
	c.net.mu.Lock()
	c.requests++
	inbox := fmt.Sprintf("_INBOX.%s.%d.%d", Token(c.name), c.number, c.requests)
	c.net.mu.Unlock()

	answers := make(chan []byte, 1)
	sub, err := c.Subscribe(inbox, "", func(m Message) {
		select {
		case answers <- m.Data:
		default: // only the first one is awaited
		}
	})
	if err != nil {
		return nil, err
	}
	defer sub.Close()
	there, err := c.net.send(c, Message{Subject: subject, Reply: inbox, Data: data})
	switch {
	case err != nil:
		return nil, err
	case there == 0:
		return nil, ErrNoAnswer
	}
	select {
	case answer := <-answers:
		return answer, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-c.done:
		return nil, ErrClosed
	}
}

func (c *memoryConn) Subscribe(subject, group string, handle func(Message)) (Subscription, error) {
	s := &memorySub{
		conn: c, pattern: subject, group: group,
		lanes: make(map[lane]*laneState), wake: make(chan struct{}, 1), done: make(chan struct{}),
	}
	c.net.mu.Lock()
	defer c.net.mu.Unlock()
	if c.closed {
		return nil, ErrClosed
	}
	c.net.subs = append(c.net.subs, s)
	c.handlers.Go(func() { s.deliver(handle) })
	return s, nil
}

func (c *memoryConn) Close() error {
	c.net.mu.Lock()
	var mine []*memorySub
	for _, s := range c.net.subs {
		if s.conn == c {
			mine = append(mine, s)
		}
	}
	if !c.closed {
		c.closed = true
		close(c.done)
	}
	c.net.mu.Unlock()
	for _, s := range mine {
		s.Close() //nolint:errcheck // never fails
	}
	c.handlers.Wait()
	return nil
}

// memorySub is a subscription. What it holds is guarded by the network's mutex.
type memorySub struct {
	conn    *memoryConn
	pattern string
	group   string
	wake    chan struct{} // holds one token when the queue has changed
	done    chan struct{}

	closed bool
	lanes  map[lane]*laneState
	queue  arrivals
	bytes  int // waiting in the queue
	queued uint64
}

// lane is what NATS keeps in order: the messages of one sender on one subject.
type lane struct{ from, subject string }

type laneState struct {
	chance *rand.Rand
	last   time.Time // when the latest message arrives
}

// enqueue lets msg arrive when and as often as the faults have it.
func (s *memorySub) enqueue(from string, msg Message, f Faults) {
	key := lane{from, msg.Subject}
	l := s.lanes[key]
	if l == nil {
		l = &laneState{chance: s.conn.net.chance(from, msg.Subject, s.conn.name, 0)}
		s.lanes[key] = l
	}
	// The same draws whatever the faults are: then a change of one fault leaves the others where they were.
	lost, twice, late, later := l.chance.Float64(), l.chance.Float64(), l.chance.Float64(), l.chance.Float64()
	if lost < f.Loss {
		return
	}
	due := time.Now().Add(f.Latency + time.Duration(late*float64(f.Jitter)))
	if due.Before(l.last) {
		due = l.last
	}
	l.last = due
	s.push(arrival{due: due, from: from, msg: msg}, f.Pending)
	if twice < f.Duplicate {
		s.push(arrival{due: due.Add(time.Duration(later * float64(f.Jitter))), from: from, msg: msg}, f.Pending)
	}
}

func (s *memorySub) push(a arrival, limit int) {
	if limit == 0 {
		limit = pendingBytes
	}
	if s.closed || s.bytes+len(a.msg.Data) > limit {
		return
	}
	s.queued++
	a.order = s.queued
	a.msg.Data = append([]byte(nil), a.msg.Data...)
	s.bytes += len(a.msg.Data)
	heap.Push(&s.queue, a)
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// lose drops what is on its way from one end.
func (s *memorySub) lose(from string) {
	kept := s.queue[:0]
	for _, a := range s.queue {
		if a.from == from {
			s.bytes -= len(a.msg.Data)
		} else {
			kept = append(kept, a)
		}
	}
	clear(s.queue[len(kept):])
	s.queue = kept
	heap.Init(&s.queue)
}

// deliver hands messages over when they are due, until the subscription is closed.
func (s *memorySub) deliver(handle func(Message)) {
	for {
		msg, wait, ok := s.next()
		if ok {
			handle(msg)
			continue
		}
		var due <-chan time.Time
		if wait > 0 {
			due = time.After(wait)
		}
		select {
		case <-s.done:
			return
		case <-s.wake:
		case <-due:
		}
	}
}

// next takes the message that is due, or says how long the first one takes; 0 when there is none.
func (s *memorySub) next() (msg Message, wait time.Duration, ok bool) {
	s.conn.net.mu.Lock()
	defer s.conn.net.mu.Unlock()
	if s.closed || len(s.queue) == 0 {
		return Message{}, 0, false
	}
	if wait := time.Until(s.queue[0].due); wait > 0 {
		return Message{}, wait, false
	}
	a := heap.Pop(&s.queue).(arrival)
	s.bytes -= len(a.msg.Data)
	return a.msg, 0, true
}

func (s *memorySub) Close() error {
	m := s.conn.net
	m.mu.Lock()
	defer m.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	s.queue, s.bytes = nil, 0
	close(s.done)
	for i, other := range m.subs {
		if other == s {
			m.subs = append(m.subs[:i:i], m.subs[i+1:]...)
			break
		}
	}
	return nil
}

// arrival is a message on its way.
type arrival struct {
	due   time.Time
	order uint64 // among those that are due at the same time
	from  string
	msg   Message
}

// arrivals is a heap of messages on their way, the first one due on top.
type arrivals []arrival

func (q arrivals) Len() int { return len(q) }
func (q arrivals) Less(i, j int) bool {
	if c := q[i].due.Compare(q[j].due); c != 0 {
		return c < 0
	}
	return q[i].order < q[j].order
}
func (q arrivals) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *arrivals) Push(a any)   { *q = append(*q, a.(arrival)) }
func (q *arrivals) Pop() any {
	last := len(*q) - 1
	a := (*q)[last]
	(*q)[last] = arrival{}
	*q = (*q)[:last]
	return a
}
