package compress

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"weir/vec"
)

// Mirror is the server's copy of one client's h.
type Mirror[T vec.Float] struct {
	h     []T
	epoch uint32
}

// Ordered says whether the updates of one client must be decoded in order, none left out: rules ef21, ef21m and
// econtrol. Cursor sees to it.
func (c *Codec[T]) Ordered() bool { return c.rule.estimates() }

// Mirrored says whether the server keeps a Mirror of every client: the Ordered rules with memory per-client.
func (c *Codec[T]) Mirrored() bool { return c.rule.estimates() && !c.mean }

// Mean says whether the server keeps the mean memory: the Ordered rules with memory mean. The vector that Add adds to is
// then H = sum_i p_i h_i, which is applied with every version and never cleared.
func (c *Codec[T]) Mean() bool { return c.mean }

// NewMirror returns the mirror of a client that has sent nothing yet.
func (c *Codec[T]) NewMirror() *Mirror[T] { return &Mirror[T]{h: make([]T, c.dim)} }

// Clone is a copy of m.
func (m *Mirror[T]) Clone() *Mirror[T] { return &Mirror[T]{h: slices.Clone(m.h), epoch: m.epoch} }

// Add adds weight times what the frame carries to its part of acc, a vector of Dim values. It panics when the codec is
// Mirrored: there an update says how h changes, and Advance knows what it stands for.
func (c *Codec[T]) Add(acc []T, weight T, f Frame) {
	if c.Mirrored() {
		panic("compress: decoding this feedback rule needs a mirror")
	}
	c.addSent(acc[f.Offset:][:f.Length], weight, f)
}

// Advance moves the mirror m by the frame and adds weight times the new h to the frame's part of acc, a vector of Dim
// values. The mirror moves whatever the weight. Frames of an update come in order, and updates as Cursor lets them.
func (c *Codec[T]) Advance(m *Mirror[T], acc []T, weight T, f Frame) {
	if f.Fragment == 0 && f.Epoch != m.epoch {
		clear(m.h)
		m.epoch = f.Epoch
	}
	h := m.h[f.Offset:][:f.Length]
	c.addSent(h, 1, f)
	if weight != 0 {
		vec.Axpy(acc[f.Offset:][:f.Length], weight, h)
	}
}

// Append appends the mirror to dst, for RestoreMirror.
func (m *Mirror[T]) Append(dst []byte) []byte {
	dst = append(dst, formatVersion, byte(vec.Size[T]()), 1, 0)
	dst = binary.LittleEndian.AppendUint32(dst, m.epoch)
	return vec.Append(dst, m.h)
}

// RestoreMirror reads what Append wrote. Its errors are those of RestoreMemory.
func (c *Codec[T]) RestoreMirror(b []byte) (*Mirror[T], error) {
	vectors, err := c.restore(b, 8, 1)
	if err != nil {
		return nil, fmt.Errorf("restore mirror: %w", err)
	}
	if vectors[0] == nil {
		return nil, fmt.Errorf("restore mirror: %w: it has no vector", ErrLayout)
	}
	return &Mirror[T]{h: vectors[0], epoch: binary.LittleEndian.Uint32(b[4:])}, nil
}

// Why Cursor.Next refuses an update that is sound in itself.
var (
	ErrOld = errors.New("update has been decoded, or its feedback epoch is over")
	ErrGap = errors.New("update before this one is missing: a new feedback epoch is needed")
)

// Cursor is where the server stands in one client's updates when the codec is Ordered. Its zero value is the start.
type Cursor struct {
	Epoch uint32
	Step  uint32 // updates of the epoch that have been decoded
}

// Next returns the cursor after the update with header h, or ErrOld or ErrGap when it must not be decoded now.
func (c Cursor) Next(h Header) (Cursor, error) {
	next := c
	if h.Epoch > c.Epoch {
		next = Cursor{Epoch: h.Epoch}
	}
	switch {
	case h.Epoch < next.Epoch || h.Step < next.Step:
		return c, ErrOld
	case h.Step > next.Step:
		return c, ErrGap
	}
	next.Step++
	return next, nil
}
