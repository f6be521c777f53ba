package worker

import (
	"errors"
	"fmt"

	"weir/compress"
	"weir/config"
	"weir/selection"
	"weir/transport"
	"weir/vec"
)

// version is a model that somebody on the worker holds. Its vector does not change.
type version[T vec.Float] struct {
	number uint64
	x      []T
	toward selection.Direction[T] // in which the model moved up to here; nil when nobody asks
	held   int
}

// models are the versions on this worker: the newest, which all clients share, and older ones that rounds started from.
type models[T vec.Float] struct {
	newest *version[T] // nil before the first
	before *version[T] // the newest before that one, where rounds start from predictions
	spare  []*version[T]
	dim    int
	dense  int // bytes of a model that travels whole

	remember bool // before is wanted
	directed bool // selection goes by how updates lie to the model's direction

	sizes     []int // bytes of the frames that led to the newest versions, the last first to the newest
	unclaimed int   // bytes that were downloaded and that no round has accounted for
}

// maxSizes bounds the history of sizes; a client further behind would download the whole model.
const maxSizes = 4096

// hold keeps v until it is released as often.
func (m *models[T]) hold(v *version[T]) *version[T] {
	v.held++
	return v
}

func (m *models[T]) release(v *version[T]) {
	if v.held--; v.held == 0 {
		m.spare = append(m.spare, v)
	}
}

// drop gives back what nothing was downloaded into.
func (m *models[T]) drop(v *version[T]) { m.spare = append(m.spare, v) }

// blank is a version to download into; give it to add or drop.
func (m *models[T]) blank() *version[T] {
	if n := len(m.spare); n > 0 {
		v := m.spare[n-1]
		m.spare = m.spare[:n-1]
		return v
	}
	return &version[T]{x: make([]T, m.dim)}
}

// add makes what was downloaded the newest version.
func (m *models[T]) add(d *download[T]) {
	d.into.toward = nil
	if m.directed && m.newest != nil { // what was missed counts as one movement
		d.into.toward = m.newest.toward.Moved(m.newest.x, d.into.x)
	}
	old := m.newest
	if m.remember {
		old, m.before = m.before, m.newest
	}
	if old != nil {
		m.release(old)
	}
	if d.sizes == nil {
		m.sizes = m.sizes[:0]
	}
	m.sizes = append(m.sizes, d.sizes...)
	m.sizes = m.sizes[max(0, len(m.sizes)-maxSizes):]
	m.unclaimed += d.bytes
	m.newest = m.hold(d.into)
}

// bytesSince are the bytes that bring a client from the version before have to the newest: its frames, or the whole model
// where that is less or have is 0, for none.
func (m *models[T]) bytesSince(have uint64) int {
	missing := m.newest.number + 1 - have
	if have == 0 || missing > uint64(len(m.sizes)) {
		return m.dense
	}
	total := 0
	for _, n := range m.sizes[len(m.sizes)-int(missing):] {
		total += n
	}
	return min(total, m.dense)
}

// reader makes versions of what nodes send.
type reader[T vec.Float] struct {
	whole, changes *compress.Codec[T]
	dense          int
}

func newReader[T vec.Float](c config.Config, dim int) (*reader[T], error) {
	whole, err := compress.NewCodec[T](compress.DefaultConfig(), dim, c.Seed)
	if err != nil {
		return nil, err
	}
	changes, err := compress.NewCodec[T](c.Compress.Down.Config(), dim, ^c.Seed)
	if err != nil {
		return nil, err
	}
	dense := whole.Fragments()*compress.HeaderSize + dim*vec.Size[T]()
	return &reader[T]{whole: whole, changes: changes, dense: dense}, nil
}

var errOffer = errors.New("a node offers what cannot be")

// check says whether an offer to somebody who holds the version before have is sound, before memory is spent on it.
func (r *reader[T]) check(o transport.Offer, have uint64) error {
	const slack = 1 << 20 // frames of many versions may have a little more than the whole
	switch {
	case o.Bytes < 0 || o.Bytes > 2*r.dense+slack, o.Parts < 1 || o.Parts > 1+o.Bytes/compress.HeaderSize:
		return fmt.Errorf("%w: %d bytes in %d parts, a model has %d", errOffer, o.Bytes, o.Parts, r.dense)
	case !o.Whole && have == 0:
		return fmt.Errorf("%w: changes to a model that is not held", errOffer)
	}
	return nil
}

// read writes version o.Version into x, from the frames of the offer and the version before, and returns the sizes of the
// versions' frames; nil for a whole model. What it leaves in x is of no use when it fails.
func (r *reader[T]) read(x []T, base *version[T], o transport.Offer, b []byte) (sizes []int, err error) {
	if o.Whole {
		frames, err := r.whole.Frames(nil, b)
		clear(x)
		for _, f := range frames {
			r.whole.Add(x, 1, f)
		}
		return nil, err
	}
	copy(x, base.x)
	for v := base.number + 1; v <= o.Version; v++ {
		rest, err := r.step(x, v, b)
		if err != nil {
			return nil, err
		}
		sizes = append(sizes, len(b)-len(rest))
		b = rest
	}
	if len(b) > 0 {
		return nil, fmt.Errorf("%w: %d bytes after version %d", errOffer, len(b), o.Version)
	}
	return sizes, nil
}

// step adds the frames of one version, at the front of b, to x and returns what follows them.
func (r *reader[T]) step(x []T, number uint64, b []byte) ([]byte, error) {
	for i := range r.changes.Fragments() {
		f, rest, err := r.changes.Parse(b)
		if err != nil {
			return nil, fmt.Errorf("version %d: %w", number, err)
		}
		if f.Seq != number || int(f.Fragment) != i {
			return nil, fmt.Errorf("%w: frame %d of version %d stands where frame %d of %d belongs", errOffer, f.Fragment, f.Seq, i, number)
		}
		r.changes.Add(x, 1, f)
		b = rest
	}
	return b, nil
}
