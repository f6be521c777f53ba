package compress

import (
	"fmt"
	"math"

	"weir/vec"
)

// Encoder makes updates. It holds scratch memory only, so one encoder serves any number of clients, one at a time; what
// belongs to a client is its Memory.
type Encoder[T vec.Float] struct {
	codec *Codec[T]
}

// NewEncoder returns an encoder for use by one goroutine.
func (c *Codec[T]) NewEncoder() *Encoder[T] { return &Encoder[T]{codec: c} }

// Stats say what an encoding did.
type Stats struct {
	Norm        float64 // ||g||, Euclidean
	ErrorNorm   float64 // ||e|| afterwards: what the client still owes
	Contraction float64 // 1 - ||C(p)-p||^2/||p||^2, measured on what was compressed; 1 when p is 0
	Eta         float64 // econtrol's step in force; 0 for other rules
}

// Encode appends the frames of one update to dst, back to back, and advances the client's feedback memory. G is what
// the client wants to send, of Dim values; it is only read. Memory may be nil for a rule that keeps none.
//
// It returns ErrNotFinite, and dst as it was, when g is not finite. The memory is then of no further use.
func (e *Encoder[T]) Encode(dst []byte, id ID, m *Memory[T], g []T) ([]byte, Stats, error) {
	c := e.codec
	if len(g) != c.dim {
		panic(fmt.Sprintf("compress: encoding %d values with a codec of %d", len(g), c.dim))
	}
	norm := math.Sqrt(vec.Norm2(g))
	if math.IsNaN(norm) || math.IsInf(norm, 0) {
		return dst, Stats{}, fmt.Errorf("encode update %d of client %d: %w", id.Seq, id.Client, ErrNotFinite)
	}
	p := g
	if m != nil && m.e != nil { // what came back from updates that were never committed
		vec.Add(m.e, g)
		p, m.e = m.e, nil
	}
	for i := range c.Fragments() {
		lo, hi := c.Bounds(i)
		start := len(dst)
		dst = appendDense(append(dst, make([]byte, HeaderSize)...), p[lo:hi])
		seal(dst[start:], Header{
			ID: id, Kind: Dense, Values: FP32, Width: uint8(vec.Size[T]()),
			Fragment: uint32(i), Fragments: uint32(c.Fragments()), Offset: uint64(lo), Length: uint32(hi - lo), Count: uint32(hi - lo),
		})
	}
	return dst, Stats{Norm: norm, Contraction: 1}, nil
}
