package ledger

import (
	"bytes"
	"fmt"
	"io"
	"slices"

	"weir/compress"
	"weir/vec"
)

// view is what a snapshot of the model holds.
type view[T vec.Float] struct {
	newest  *Version[T]
	vectors [][]T     // the newest version's, the window's sum, the optimiser's, and the exact model of a compressed downlink
	scalars []float64 // the optimiser's
	cursors []compress.Cursor
	mirrors Mirrors[T]
}

// view is the model's state with v as the newest version.
func (m *Model[T]) view(v *Version[T]) view[T] {
	all := [][]T{v.X, m.sum, m.outer.Momentum, m.outer.Second}
	if m.down != nil && m.down.exact != nil {
		all = append(all, m.down.exact)
	}
	return view[T]{v, all, m.outer.Scalars(), m.cursors, m.mirrors}
}

// write writes the state: equal models give equal bytes.
func (s view[T]) write(out io.Writer) error {
	w := writer{snapshotVersion}
	w.uint(s.newest.Number)
	for _, v := range s.vectors {
		w.uint(uint64(len(v)))
		if err := writeVector(out, w, v); err != nil {
			return err
		}
		w = w[:0]
	}
	w.floats(s.scalars)
	w.uint(uint64(len(s.cursors)))
	for i, at := range s.cursors {
		w.uint(uint64(at.Epoch), uint64(at.Step))
		if s.mirrors.Has(uint32(i)) {
			w.bytes(s.mirrors.Get(uint32(i)).Append(nil))
		} else {
			w.bytes(nil)
		}
		if _, err := out.Write(w); err != nil {
			return err
		}
		w = w[:0]
	}
	_, err := out.Write(w)
	return err
}

// writeVector writes head and then v, a piece at a time.
func writeVector[T vec.Float](out io.Writer, head []byte, v []T) error {
	const piece = 1 << 13
	for {
		n := min(len(v), piece)
		head = vec.Append(head, v[:n])
		if _, err := out.Write(head); err != nil {
			return err
		}
		if v = v[n:]; len(v) == 0 {
			return nil
		}
		head = head[:0]
	}
}

// AppendSnapshot adds the whole state to dst: equal models give equal bytes.
func (m *Model[T]) AppendSnapshot(dst []byte) []byte {
	b := bytes.NewBuffer(dst)
	must(0, m.view(m.newest).write(b))
	return b.Bytes()
}

// Frozen is a model as it was. It shares the vectors of the live one, which copies each before it changes it, so that
// neither taking a snapshot nor writing it stops the run.
type Frozen[T vec.Float] struct{ view view[T] }

// Freeze returns the model as it is, at the cost of a few bytes a client. Thaw gives it back. There may be one at a time,
// and it wants the mirrors in memory.
func (m *Model[T]) Freeze() (*Frozen[T], error) {
	store, ok := m.mirrors.(*inMemory[T])
	if !ok {
		return nil, fmt.Errorf("ledger: mirrors of %T cannot be frozen", m.mirrors)
	}
	m.sumFrozen, m.restFrozen = true, true
	s := m.view(m.Hold(m.newest))
	s.cursors, s.mirrors = slices.Clone(s.cursors), store.freeze()
	return &Frozen[T]{s}, nil
}

// WriteTo writes what AppendSnapshot would have added. It may run while the model goes on.
func (f *Frozen[T]) WriteTo(out io.Writer) (int64, error) {
	counted := &counter{out: out}
	err := f.view.write(counted)
	return counted.n, err
}

type counter struct {
	out io.Writer
	n   int64
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.out.Write(b)
	c.n += int64(n)
	return n, err
}

// Thaw ends a Freeze: nothing needs to be copied any more.
func (m *Model[T]) Thaw(f *Frozen[T]) {
	m.sumFrozen, m.restFrozen = false, false
	if store, ok := m.mirrors.(*inMemory[T]); ok {
		store.frozen = nil
	}
	m.Release(f.view.newest)
}

// ownSum makes the window's sum the model's own, to be changed.
func (m *Model[T]) ownSum() {
	if m.sumFrozen {
		m.sumFrozen, m.sum = false, slices.Clone(m.sum)
	}
}

// ownRest makes the vectors that a commit changes the model's own.
func (m *Model[T]) ownRest() {
	if !m.restFrozen {
		return
	}
	m.restFrozen = false
	m.outer.Momentum, m.outer.Second = slices.Clone(m.outer.Momentum), slices.Clone(m.outer.Second)
	if m.down != nil {
		m.down.exact = slices.Clone(m.down.exact)
	}
}
