package compress

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"weir/vec"
)

// Memory is one client's side of its feedback rule. Vectors are made when they are first needed, so the memory of a
// client that has not sent anything is small.
type Memory[T vec.Float] struct {
	e     []T // ec, econtrol: what is still owed; other rules: what came back and goes with the next update
	h     []T // ef21, ef21m, econtrol: the estimate of g that the server mirrors
	v     []T // ef21m: the running mean of g
	epoch uint32
	steps uint32 // updates made in this epoch, under a rule with h
	guard guard
}

// NewMemory returns the memory of a client that has sent nothing yet: of a new one, with epoch 0, or of one that has
// lost its memory, with an epoch above all that it used before.
func (c *Codec[T]) NewMemory(epoch uint32) *Memory[T] {
	return &Memory[T]{epoch: epoch, guard: guard{eta: min(c.Contraction(), autoEta)}}
}

// Epoch is the feedback epoch of the client's next update.
func (m *Memory[T]) Epoch() uint32 { return m.epoch }

// Estimate is h, what the server's mirror holds once it has decoded every update; nil before the first. It is
// for reading, until the next call.
func (m *Memory[T]) Estimate() []T { return m.h }

// Owed is e, what the client still has to send; nil stands for 0. It is for reading, until the next call.
func (m *Memory[T]) Owed() []T { return m.e }

// begin prepares a step through the rule for one update, and returns its place among the client's updates.
func (c *Codec[T]) begin(s *step[T], m *Memory[T], g []T) (epoch, step uint32) {
	s.rule, s.g, s.e, s.h, s.v = c.rule, g, nil, nil, nil
	s.gg, s.pp, s.ee = 0, 0, 0
	if m == nil {
		if c.rule != ruleNone {
			panic("compress: this feedback rule needs a memory")
		}
		return 0, 0
	}
	s.beta, s.momentum, s.eta = T(c.beta), T(c.momentum), T(c.eta)
	if c.eta == 0 {
		s.eta = T(m.guard.eta)
	}
	if c.rule == ruleEF21M && m.v == nil {
		m.v, s.momentum = make([]T, c.dim), 1 // v starts as g
	}
	if c.rule.estimates() && m.h == nil {
		m.h = make([]T, c.dim)
	}
	if c.rule.owes() && m.e == nil {
		m.e = make([]T, c.dim)
	}
	if !c.rule.owes() && m.e != nil {
		vec.Add(m.e, g)
		s.g = m.e
	}
	s.e, s.h, s.v = m.e, m.h, m.v
	return m.epoch, m.steps
}

// sent notes that an update has been made.
func (m *Memory[T]) sent(r rule) {
	if r.estimates() {
		m.steps++
	}
	if !r.owes() {
		m.e = nil // it went with the update
	}
}

// Return takes back updates that the server never decoded, oldest first, so that what they held travels with the
// client's next one. Under a rule whose server mirrors h, no later update can be decoded either: the updates must be
// all that follow the last one decoded, to the client's newest. They may then be none, which only forgets h.
//
// With one server memory a client, a new feedback epoch begins. With the mean memory the server keeps its sum, and the
// client steps back to the h that is part of it. Under rule forget what comes back is dropped.
func (c *Codec[T]) Return(m *Memory[T], updates ...[]byte) error {
	if err := c.checkRun(m, updates); err != nil {
		return fmt.Errorf("return update: %w", err)
	}
	if c.forgets {
		return nil
	}
	if !c.rule.estimates() {
		for _, u := range updates {
			c.addUpdate(m.owing(c.dim), 1, u)
		}
		return nil
	}
	for i := range updates {
		vec.Add(m.owing(c.dim), m.h) // what this update decodes to is h after it
		c.addUpdate(m.h, -1, updates[len(updates)-1-i])
	}
	m.steps -= uint32(len(updates))
	if !c.mean {
		clear(m.h)
		m.epoch, m.steps = m.epoch+1, 0
	}
	return nil
}

// Expire takes back an update that the server decoded and gave no weight, so that what it held travels again. Later are
// the client's updates after it, oldest first, whatever has become of them.
func (c *Codec[T]) Expire(m *Memory[T], update []byte, later ...[]byte) error {
	if !c.rule.estimates() {
		return c.Return(m, update)
	}
	if err := c.checkRun(m, append([][]byte{update}, later...)); err != nil {
		return fmt.Errorf("expire update: %w", err)
	}
	e := m.owing(c.dim)
	vec.Add(e, m.h)
	for _, u := range later {
		c.addUpdate(e, -1, u)
	}
	return nil
}

// owing is e, made if need be.
func (m *Memory[T]) owing(dim int) []T {
	if m.e == nil {
		m.e = make([]T, dim)
	}
	return m.e
}

// errRun is what Return and Expire say of updates that are not the client's newest.
var errRun = errors.New("not the updates up to the client's newest, in order")

// checkRun verifies updates, and under a rule with h that they run up to the client's newest without a gap.
func (c *Codec[T]) checkRun(m *Memory[T], updates [][]byte) error {
	for i, u := range updates {
		h, err := c.Check(u)
		if err != nil {
			return err
		}
		if c.rule.estimates() && (h.Epoch != m.epoch || int64(h.Step) != int64(m.steps)-int64(len(updates)-i)) {
			return fmt.Errorf("%w: step %d of epoch %d, the client has made %d of epoch %d", errRun, h.Step, h.Epoch, m.steps, m.epoch)
		}
	}
	return nil
}

// addUpdate adds weight times what was sent in a verified update to y.
func (c *Codec[T]) addUpdate(y []T, weight T, update []byte) {
	for len(update) > 0 {
		f, rest, err := c.Parse(update)
		if err != nil {
			panic(err) // it has been checked
		}
		c.addSent(y[f.Offset:][:f.Length], weight, f)
		update = rest
	}
}

// Append appends the memory to dst, for RestoreMemory.
func (m *Memory[T]) Append(dst []byte) []byte {
	le := binary.LittleEndian
	dst = append(dst, formatVersion, byte(vec.Size[T]()), present(m.e)|present(m.h)<<1|present(m.v)<<2, byte(m.guard.count))
	dst = le.AppendUint32(dst, m.epoch)
	dst = le.AppendUint32(dst, m.steps)
	dst = le.AppendUint64(dst, math.Float64bits(m.guard.eta))
	dst = le.AppendUint64(dst, math.Float64bits(m.guard.start))
	for _, x := range [][]T{m.e, m.h, m.v} {
		dst = vec.Append(dst, x)
	}
	return dst
}

func present[T vec.Float](x []T) byte {
	if x == nil {
		return 0
	}
	return 1
}

const memoryHeader = 28

// RestoreMemory reads what Append wrote. It returns ErrTruncated, ErrVersion, ErrLayout or ErrNotFinite, wrapped, when
// b is not the memory of a client of this run.
func (c *Codec[T]) RestoreMemory(b []byte) (*Memory[T], error) {
	vectors, err := c.restore(b, memoryHeader, 3)
	if err != nil {
		return nil, fmt.Errorf("restore feedback memory: %w", err)
	}
	le := binary.LittleEndian
	return &Memory[T]{
		e: vectors[0], h: vectors[1], v: vectors[2], epoch: le.Uint32(b[4:]), steps: le.Uint32(b[8:]),
		guard: guard{
			eta: math.Float64frombits(le.Uint64(b[12:])), start: math.Float64frombits(le.Uint64(b[20:])), count: int(b[3]),
		},
	}, nil
}

// restore reads the vectors that follow a header of the given size; those that are not there are nil.
func (c *Codec[T]) restore(b []byte, header, count int) ([]([]T), error) {
	if len(b) < header {
		return nil, ErrTruncated
	}
	if b[0] != formatVersion {
		return nil, fmt.Errorf("%w: %d", ErrVersion, b[0])
	}
	flags, size := b[2], c.dim*vec.Size[T]()
	vectors := make([][]T, count)
	rest := b[header:]
	for i := range vectors {
		if flags>>i&1 == 0 {
			continue
		}
		if len(rest) < size {
			return nil, ErrTruncated
		}
		if !vec.FiniteBytes[T](rest[:size]) {
			return nil, ErrNotFinite
		}
		vectors[i] = make([]T, c.dim)
		vec.Read(vectors[i], rest)
		rest = rest[size:]
	}
	if int(b[1]) != vec.Size[T]() || flags>>count != 0 || len(rest) > 0 {
		return nil, fmt.Errorf("%w: %d bytes for %d parameters", ErrLayout, len(b), c.dim)
	}
	return vectors, nil
}
