package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

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
// vectors of d, those of the optimiser, two more when the downlink is compressed, and one for every older version that
// is still held.
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
	m.down = &downlink[T]{codec: down, encoder: down.NewEncoder(), exact: append(make([]T, 0, d), start...), gap: make([]T, d)}
	return m, nil
}

// Codec is how updates are encoded.
func (m *Model[T]) Codec() *compress.Codec[T] { return m.codec }

// Dense is the bytes of a version that travels whole: a checkpoint for a client that is too far behind.
func (m *Model[T]) Dense() int { return m.dense }

// Check verifies an update before the ledger hears of it: its frames, that they are what the command says, and that a
// feedback rule with memory on both sides can decode them now. It returns the header of the first frame.
func (m *Model[T]) Check(c Command, update []byte) (compress.Header, Reason) {
	header, err := m.codec.Check(update)
	switch {
	case errors.Is(err, compress.ErrNotFinite):
		return header, NotFinite
	case err != nil, header.Client != c.Client, header.Seq != c.Seq, header.Base != c.Base:
		return header, BadFrame
	}
	if m.codec.Ordered() {
		if _, err := m.cursor(c.Client).Next(header); err != nil {
			return header, OutOfStep
		}
	}
	return header, None
}

// Mirrors keeps the server's copies of the clients' h under a feedback rule that mirrors it: a vector of d for every
// client that was heard. The model asks for one at a time.
type Mirrors[T vec.Float] interface {
	// Has reports whether the client has a mirror.
	Has(client uint32) bool
	// Get returns the client's mirror, a new one if it has none. It may be changed until the next call.
	Get(client uint32) *compress.Mirror[T]
	// Set gives the client a mirror.
	Set(client uint32, m *compress.Mirror[T])
}

// KeepMirrors makes the model keep its mirrors in store instead of in memory. It comes before the first update.
func (m *Model[T]) KeepMirrors(store Mirrors[T]) { m.mirrors = store }

// inMemory is a Mirrors without a bound.
type inMemory[T vec.Float] struct {
	codec   *compress.Codec[T]
	mirrors []*compress.Mirror[T]
}

func (s *inMemory[T]) Has(client uint32) bool {
	return int(client) < len(s.mirrors) && s.mirrors[client] != nil
}

func (s *inMemory[T]) Get(client uint32) *compress.Mirror[T] {
	if !s.Has(client) {
		s.Set(client, s.codec.NewMirror())
	}
	return s.mirrors[client]
}

func (s *inMemory[T]) Set(client uint32, m *compress.Mirror[T]) {
	for int(client) >= len(s.mirrors) {
		s.mirrors = append(s.mirrors, nil)
	}
	s.mirrors[client] = m
}

// cursor is where the server stands in the client's updates, when the codec is Ordered.
func (m *Model[T]) cursor(client uint32) *compress.Cursor {
	for int(client) >= len(m.cursors) {
		m.cursors = append(m.cursors, compress.Cursor{})
	}
	return &m.cursors[client]
}

// Decode advances the client's feedback memory by a checked update and adds it to the window's sum: weight times what
// it stands for or, under the mean memory, share times what was sent.
func (m *Model[T]) Decode(h compress.Header, weight, share float64, update []byte) {
	if !m.codec.Ordered() {
		m.each(update, func(f compress.Frame) { m.codec.Add(m.sum, T(weight), f) })
		return
	}
	at := m.cursor(h.Client)
	*at = must(at.Next(h)) // Check passed it
	if m.codec.Mean() {
		m.each(update, func(f compress.Frame) { m.codec.Add(m.sum, T(share), f) })
		return
	}
	mirror := m.mirrors.Get(h.Client)
	m.each(update, func(f compress.Frame) { m.codec.Advance(mirror, m.sum, T(weight), f) })
}

// each hands over the frames of a checked update.
func (m *Model[T]) each(update []byte, do func(compress.Frame)) {
	for len(update) > 0 {
		frame, rest, err := m.codec.Parse(update)
		if err != nil {
			panic(err) // Check passed it
		}
		do(frame)
		update = rest
	}
}

// Commit makes the next version from the window's sum.
func (m *Model[T]) Commit(scale float64) {
	last := m.newest
	next := m.blank()
	sum := m.sum
	if m.codec.Mean() { // H stays, a step clears what it is given
		scale, sum = 1, append(m.scratch[:0], m.sum...)
		m.scratch = sum
	}
	next.Number, next.Bytes = last.Number+1, m.dense
	if m.down == nil {
		m.outer.Step(next.X, last.X, sum, T(scale))
	} else {
		m.outer.Step(m.down.exact, m.down.exact, sum, T(scale))
		next.Bytes = m.down.publish(next, last, m.dense)
	}
	if next != last {
		next.held = 1
		m.Release(last)
	}
	m.newest = next
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

// Digest is the SHA-256 of the newest version's parameters in little-endian order, in hexadecimal.
func (m *Model[T]) Digest() string {
	h := sha256.New()
	var buffer [8 << 10]byte
	width := vec.Size[T]()
	for x := m.newest.X; len(x) > 0; {
		n := min(len(x), len(buffer)/width)
		h.Write(vec.Append(buffer[:0], x[:n]))
		x = x[n:]
	}
	return hex.EncodeToString(h.Sum(nil))
}

// vectors are what a snapshot holds, with v as the newest version.
func (m *Model[T]) vectors(v *Version[T]) [][]T {
	all := [][]T{v.X, m.sum, m.outer.Momentum, m.outer.Second}
	if m.down != nil {
		all = append(all, m.down.exact)
	}
	return all
}

// AppendSnapshot adds the whole state to dst: equal models give equal bytes.
func (m *Model[T]) AppendSnapshot(dst []byte) []byte {
	w := writer(append(dst, snapshotVersion))
	w.uint(m.newest.Number)
	for _, v := range m.vectors(m.newest) {
		w.uint(uint64(len(v)))
		w = vec.Append(w, v)
	}
	w.uint(uint64(len(m.cursors)))
	for i, at := range m.cursors {
		w.uint(uint64(at.Epoch), uint64(at.Step))
		if m.mirrors.Has(uint32(i)) {
			w.bytes(m.mirrors.Get(uint32(i)).Append(nil))
		} else {
			w.bytes(nil)
		}
	}
	return w
}

// Restore replaces the state by that of a snapshot of a model with the same configuration, or returns ErrSnapshot.
func (m *Model[T]) Restore(snapshot []byte) error {
	if len(snapshot) == 0 || snapshot[0] != snapshotVersion {
		return fmt.Errorf("%w: unknown version", ErrSnapshot)
	}
	r := reader{rest: snapshot[1:]}
	next := &Version[T]{Number: r.uint(), X: make([]T, len(m.newest.X)), held: 1}
	for _, v := range m.vectors(next) {
		if n := r.uint(); n != uint64(len(v)) {
			return fmt.Errorf("%w: a vector of %d, not %d", ErrSnapshot, n, len(v))
		}
		if b := r.take(len(v) * vec.Size[T]()); b != nil {
			vec.Read(v, b)
		}
	}
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
