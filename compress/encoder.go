package compress

import (
	"fmt"
	"math"
	"math/bits"

	"weir/vec"
)

// Encoder makes updates. It holds scratch memory only, so one encoder serves any number of clients, one at a time; what
// belongs to a client is its Memory.
type Encoder[T vec.Float] struct {
	// Density is the share of its coordinates that a fragment sends at most, below the codec's own; 0 is as the codec
	// has it. For topk and blocktopk; the other kinds take no notice.
	Density float64

	codec *Codec[T]
	step  step[T]
	q     []T // what the other side will read of the chosen coordinates
	selector[T]
}

// NewEncoder returns an encoder for use by one goroutine.
func (c *Codec[T]) NewEncoder() *Encoder[T] { return &Encoder[T]{codec: c} }

// Stats say what an encoding did. Norms are Euclidean.
type Stats struct {
	Norm float64 // ||g||
	// ErrorNorm is what the update left out: ||e|| afterwards for the rules that keep e, else ||C(p)-p||.
	ErrorNorm float64
	// Contraction is 1 - ||C(p)-p||^2/||p||^2, measured on p, what was compressed; 1 when p is 0. For quant it is the
	// mean over the rounding of this p.
	Contraction float64
	Eta         float64 // econtrol's step for this update; 0 for other rules
	Halved      bool    // econtrol: the guard has halved the step for the updates to come
}

// Encode appends the frames of one update to dst, back to back, and advances the client's feedback memory. G is what
// the client wants to send, of Dim values; it is only read. Memory may be nil when the feedback rule is none.
//
// It returns ErrNotFinite, and dst as it was, when g is not finite or its square overflows. The memory is then of no
// further use.
func (enc *Encoder[T]) Encode(dst []byte, id ID, m *Memory[T], g []T) ([]byte, Stats, error) {
	c, s := enc.codec, &enc.step
	if len(g) != c.dim {
		panic(fmt.Sprintf("compress: encoding %d values with a codec of %d", len(g), c.dim))
	}
	epoch, step := c.begin(s, m, g)
	out := dst
	var lost float64 // ||p - q||^2
	for i := range c.fragments {
		lo, hi := c.Bounds(i)
		h := c.header(id, i)
		h.Epoch, h.Step = epoch, step
		start := len(out)
		out = grow(out, HeaderSize)
		var left float64
		switch {
		case h.Kind == Sparse || h.Kind == Random:
			out, left = enc.appendChosen(out, &h)
		case c.method == identity && enc.mostlyZero(s.g[lo:hi]):
			h.Kind = Sparse
			out, _ = enc.appendChosen(out, &h)
		default:
			out, left = enc.appendTiles(out, h)
		}
		lost += left
		seal(out[start:], h)
	}
	if total := s.gg + s.pp + s.ee; total-total != 0 {
		return dst, Stats{}, fmt.Errorf("encode update %d of client %d: %w", id.Seq, id.Client, ErrNotFinite)
	}
	stats := Stats{Norm: math.Sqrt(s.gg), Contraction: 1, ErrorNorm: math.Sqrt(max(lost, 0))}
	if s.pp > 0 {
		stats.Contraction = 1 - max(lost, 0)/s.pp
	}
	if s.rule == ruleEControl {
		stats.ErrorNorm, stats.Eta = math.Sqrt(max(s.ee, 0)), float64(s.eta)
		stats.Halved = c.eta == 0 && m.guard.observe(stats, c.Contraction())
	}
	if m != nil {
		m.sent(c.rule)
	}
	return out, stats, nil
}

// header is that of fragment i of an update that sends every coordinate.
func (c *Codec[T]) header(id ID, i int) Header {
	lo, hi := c.Bounds(i)
	return Header{
		ID: id, Kind: c.method.kind(), Values: c.values, Width: uint8(vec.Size[T]()),
		Fragment: uint32(i), Fragments: uint32(c.fragments), Offset: uint64(lo), Length: uint32(hi - lo), Count: uint32(hi - lo),
	}
}

// sparser says whether a sparse frame of k of n coordinates, of an identity compressor, is smaller than a dense one.
func (c *Codec[T]) sparser(n, k int) bool { return sparseBound[T](FP32, n, k) < n*vec.Size[T]() }

// appendChosen appends the payload of a fragment of which some coordinates are sent, and returns ||p - q||^2 over it.
func (enc *Encoder[T]) appendChosen(dst []byte, h *Header) ([]byte, float64) {
	c, s := enc.codec, &enc.step
	lo, n, before := int(h.Offset), int(h.Length), s.pp
	var idx []uint32
	var p []T
	switch c.method {
	case topk:
		idx, p = enc.top(s, lo, lo+n, enc.share(n))
	case blocktopk:
		idx, p = enc.blocks(s, lo, lo+n, enc.share)
	case identity:
		idx, p = enc.top(s, lo, lo+n, n)
	default:
		idx, p = enc.drawn(s, lo, lo+n, c.chosen(n), drawKey(c.seed, *h))
	}
	h.Count = uint32(len(idx))
	q := append(enc.q[:0], p...)
	enc.q = q
	dst = appendValues(dst, c.values, q)
	if h.Kind == Sparse {
		dst = appendRice(dst, n, idx)
	}
	lost := s.pp - before + kept(p, q)
	s.settle(lo, idx, q, p)
	return dst, lost
}

// share is how many of n coordinates are sent.
func (enc *Encoder[T]) share(n int) int {
	k := enc.codec.share(n)
	if enc.Density == 0 || n == 0 {
		return k
	}
	return min(k, max(1, int(math.Round(enc.Density*float64(n)))))
}

// mostlyZero says whether a sparse frame of all of g that is not 0 is smaller than a dense one. Only rule none sends g
// itself.
func (enc *Encoder[T]) mostlyZero(g []T) bool {
	if enc.step.rule != ruleNone {
		return false
	}
	others := 0
	for at := 0; at < len(g); at += tile {
		x := g[at:min(at+tile, len(g))]
		mark(enc.step.bits[:], x, smallest[T]())
		for i := 0; i < (len(x)+7)/8; i += 8 {
			others += bits.OnesCount64(word64(enc.step.bits[:(len(x)+7)/8], i))
		}
	}
	return enc.codec.sparser(len(g), others)
}

// drawn takes k of the coordinates from lo to hi, as key draws them.
func (enc *Encoder[T]) drawn(s *step[T], lo, hi, k int, key uint64) ([]uint32, []T) {
	for at := lo; at < hi; at += tile {
		s.advance(at, min(at+tile, hi))
	}
	enc.reserve(k)
	draw(key, hi-lo, k, func(j, i int) {
		enc.idx[j], enc.val[j] = uint32(i), s.again(lo+i, lo+i+1)[0]
	})
	return enc.idx[:k], enc.val[:k]
}

// appendTiles appends the payload of a fragment of which every coordinate is sent, and returns ||p - q||^2 over it.
func (enc *Encoder[T]) appendTiles(dst []byte, h Header) ([]byte, float64) {
	c, s := enc.codec, &enc.step
	var lost float64
	lo, hi := int(h.Offset), int(h.Offset)+int(h.Length)
	for at := lo; at < hi; at += tile {
		end := min(at+tile, hi)
		owed := s.ee
		p := s.advance(at, end)
		start, left := len(dst), 0.0
		switch h.Kind {
		case Sign:
			dst, left = appendSign(dst, p)
		case Quant:
			dst, left = appendQuant(dst, c.values.bits(), p, at-lo, drawKey(c.seed, h))
		default:
			dst = vec.Append(dst, p)
		}
		lost += left
		if s.rule.owes() {
			c.addTiles(s.e[at:end], -1, dst[start:])
			s.ee = owed + sumSquares(s.e[at:end])
		}
		if s.rule.estimates() {
			c.addTiles(s.h[at:end], 1, dst[start:])
		}
	}
	return dst, lost
}

func square[T vec.Float](v T) float64 { return float64(float64(v) * float64(v)) }
