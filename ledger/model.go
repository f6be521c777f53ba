package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math"

	"weir/aggregate"
	"weir/compress"
	"weir/vec"
)

// Version is one published model. Its vector never changes while somebody holds it.
type Version[T vec.Float] struct {
	Number uint64
	X      []T
	Bytes  int // of the frames that lead to it from the version before
	held   int
}

// Model holds the vectors: the newest version, the window's sum, and the outer optimiser's state. Memory: three
// vectors of d, those of the optimiser, two more when the downlink is compressed, one when the length of its steps is
// wanted, and one for every older version that is still held.
type Model[T vec.Float] struct {
	codec  *compress.Codec[T]
	outer  *aggregate.Outer[T]
	newest *Version[T]
	sum    []T
	spare  []*Version[T] // released, to be overwritten
	down   *downlink[T]  // nil when versions travel whole
	dense  int           // bytes of a version that travels whole

	cursors []compress.Cursor // by client; empty unless the codec is Ordered
	mirrors Mirrors[T]
	scratch []T // mean memory
	frames  []compress.Frame

	sumFrozen, restFrozen bool // a snapshot shares these vectors: they are copied before they change

	diverged bool // the last step led to a value that is no number, or infinite

	measure bool    // the length of every step is wanted
	before  []T     // scratch for it
	moved   float64 // ||x - x'||, of the published versions
}

// NewModel returns version 0, with the parameters of start, for updates and versions that are compressed as c says.
func NewModel[T vec.Float](c compress.Config, seed uint64, outer aggregate.OuterConfig, start []T) (*Model[T], error) {
	d := len(start)
	codec, err := compress.NewCodec[T](c, d, seed)
	if err != nil {
		return nil, err
	}
	optimiser, err := aggregate.NewOuter[T](outer, d)
	if err != nil {
		return nil, err
	}
	m := &Model[T]{codec: codec, outer: optimiser, sum: make([]T, d), mirrors: &inMemory[T]{codec: codec}}
	m.newest = &Version[T]{X: append(make([]T, 0, d), start...), held: 1}
	whole, err := compress.NewCodec[T](compress.DefaultConfig(), d, seed)
	if err != nil {
		return nil, err
	}
	m.dense = whole.Fragments()*compress.HeaderSize + d*vec.Size[T]()
	if c.Down.Kind == "identity" && !sparse(c, outer) {
		return m, nil
	}
	down, err := compress.NewCodec[T](c.Down.Config(), d, ^seed)
	if err != nil {
		return nil, err
	}
	m.down = &downlink[T]{codec: down, encoder: down.NewEncoder()}
	if c.Down.Kind != "identity" {
		m.down.exact, m.down.gap = append(make([]T, 0, d), start...), make([]T, d)
	}
	return m, nil
}

// Codec is how updates are encoded.
func (m *Model[T]) Codec() *compress.Codec[T] { return m.codec }

// Dense is the bytes of a version that travels whole: a checkpoint for a client that is too far behind.
func (m *Model[T]) Dense() int { return m.dense }

// Check verifies an update before the ledger hears of it: its frames, that they are what the command says, and that a
// feedback rule with memory on both sides can decode them now. The frames that it returns are valid until the next call.
func (m *Model[T]) Check(c Command, update []byte) ([]compress.Frame, Reason) {
	frames, err := m.codec.Frames(m.frames[:0], update)
	m.frames = frames
	switch {
	case errors.Is(err, compress.ErrNotFinite):
		return nil, NotFinite
	case err != nil:
		return nil, BadFrame
	}
	header := frames[0].Header
	if header.Client != c.Client || header.Seq != c.Seq || header.Base != c.Base {
		return nil, BadFrame
	}
	if m.codec.Ordered() {
		if _, err := m.cursor(c.Client).Next(header); err != nil {
			return nil, OutOfStep
		}
	}
	return frames, None
}

// cursor is where the server stands in the client's updates, when the codec is Ordered.
func (m *Model[T]) cursor(client uint32) *compress.Cursor {
	for int(client) >= len(m.cursors) {
		m.cursors = append(m.cursors, compress.Cursor{})
	}
	return &m.cursors[client]
}

// Cursor is where the server stands in the client's updates; zero when the codec is not Ordered, and for a client that
// was never heard.
func (m *Model[T]) Cursor(client uint32) compress.Cursor {
	if int(client) >= len(m.cursors) {
		return compress.Cursor{}
	}
	return m.cursors[client]
}

// Decode advances the client's feedback memory by the frames that Check returned and adds the update to the window's
// sum: weight times what it stands for or, under the mean memory, share times what was sent.
func (m *Model[T]) Decode(frames []compress.Frame, weight, share float64) {
	m.ownSum()
	if m.codec.Ordered() {
		at := m.cursor(frames[0].Client)
		*at = must(at.Next(frames[0].Header)) // Check passed it
	}
	switch {
	case m.codec.Mirrored():
		mirror := m.mirrors.Get(frames[0].Client)
		for _, f := range frames {
			m.codec.Advance(mirror, m.sum, T(weight), f)
		}
		return
	case m.codec.Mean():
		weight = share
	}
	for _, f := range frames {
		m.codec.Add(m.sum, T(weight), f)
	}
}

// Commit makes the next version from the window's sum, with rate times the outer optimiser's own rate.
func (m *Model[T]) Commit(scale, rate float64) {
	m.ownSum()
	m.ownRest()
	last := m.newest
	if m.measure {
		m.before = append(m.before[:0], last.X...)
	}
	next := m.blank()
	sum := m.sum
	if m.codec.Mean() { // H stays, a step clears what it is given
		scale, sum = 1, append(m.scratch[:0], m.sum...)
		m.scratch = sum
	}
	next.Number, next.Bytes = last.Number+1, m.dense
	var finite bool
	switch {
	case m.down == nil:
		m.outer.Step(next.X, last.X, sum, T(scale), T(rate))
		finite = vec.Finite(next.X)
	case m.down.exact == nil:
		next.Bytes, finite = m.down.move(next, last, sum, -m.outer.Plain(T(scale), T(rate)), m.dense)
	default:
		m.outer.Step(m.down.exact, m.down.exact, sum, T(scale), T(rate))
		next.Bytes = m.down.publish(next, last, m.dense)
		finite = vec.Finite(m.down.exact)
	}
	if next != last {
		next.held = 1
		m.Release(last)
	}
	m.newest = next
	m.diverged = !finite
	if m.measure {
		vec.Sub(m.before, next.X, m.before)
		m.moved = math.Sqrt(vec.Norm2(m.before))
	}
}

// blank is a version to write the next model into: the newest itself when nobody else looks at it.
func (m *Model[T]) blank() *Version[T] {
	if m.newest.held == 1 {
		return m.newest
	}
	if n := len(m.spare); n > 0 {
		next := m.spare[n-1]
		m.spare = m.spare[:n-1]
		return next
	}
	return &Version[T]{X: make([]T, len(m.sum))}
}

// Newest is the newest version; it may be overwritten by the next commit. Hold it to keep it.
func (m *Model[T]) Newest() *Version[T] { return m.newest }

// Hold keeps v as it is until it is released as often as it was held, and returns it.
func (m *Model[T]) Hold(v *Version[T]) *Version[T] {
	v.held++
	return v
}

// Release gives v back.
func (m *Model[T]) Release(v *Version[T]) {
	if v.held--; v.held == 0 && len(v.X) == len(m.sum) {
		m.spare = append(m.spare, v)
	}
}

// Digest is that of the newest version's parameters.
func (m *Model[T]) Digest() string { return Digest(m.newest.X) }

// Digest is the SHA-256 of a vector's values in little-endian order, in hexadecimal.
func Digest[T vec.Float](x []T) string {
	h := sha256.New()
	var buffer [8 << 10]byte
	width := vec.Size[T]()
	for len(x) > 0 {
		n := min(len(x), len(buffer)/width)
		h.Write(vec.Append(buffer[:0], x[:n]))
		x = x[n:]
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Restore replaces the state by that of a snapshot of a model with the same configuration, or returns ErrSnapshot.
func (m *Model[T]) Restore(snapshot []byte) error {
	if len(snapshot) == 0 || snapshot[0] != snapshotVersion {
		return fmt.Errorf("%w: unknown version", ErrSnapshot)
	}
	r := reader{rest: snapshot[1:]}
	next := &Version[T]{Number: r.uint(), X: make([]T, len(m.newest.X)), held: 1}
	for _, v := range m.view(next).vectors {
		if n := r.uint(); n != uint64(len(v)) {
			return fmt.Errorf("%w: a vector of %d, not %d", ErrSnapshot, n, len(v))
		}
		if b := r.take(len(v) * vec.Size[T]()); b != nil {
			vec.Read(v, b)
		}
	}
	scalars := m.outer.Scalars()
	r.floats(scalars)
	m.outer.SetScalars(scalars)
	m.cursors = make([]compress.Cursor, r.count(3*8))
	for i := range m.cursors {
		m.cursors[i] = compress.Cursor{Epoch: uint32(r.uint()), Step: uint32(r.uint())}
		if b := r.bytes(); len(b) > 0 {
			mirror, err := m.codec.RestoreMirror(b)
			if err != nil {
				return fmt.Errorf("%w: %w", ErrSnapshot, err)
			}
			m.mirrors.Set(uint32(i), mirror)
		}
	}
	if r.failed || len(r.rest) > 0 {
		return fmt.Errorf("%w: damaged", ErrSnapshot)
	}
	m.newest = next
	return nil
}
