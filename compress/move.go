package compress

import (
	"fmt"
	"math/bits"

	"weir/vec"
)

// Move adds rate*sum to x, clears sum, and appends to dst the frames of what it added: an update by the identity
// compressor that nobody has to write out first. Where sum is 0 nothing else is read, so that a sum of sparse updates
// costs little more than one pass over it. All vectors are of Dim values.
//
// It returns ErrNotFinite, and dst as it was, when what it added is not finite.
func (enc *Encoder[T]) Move(dst []byte, id ID, x, sum []T, rate T) ([]byte, error) {
	c := enc.codec
	if c.method != identity || len(x) != c.dim || len(sum) != c.dim {
		panic(fmt.Sprintf("compress: moving %d values by a sum of %d with a codec of %d", len(x), len(sum), c.dim))
	}
	out, finite := dst, true
	for i := range c.fragments {
		lo, hi := c.Bounds(i)
		h := c.header(id, i)
		idx, g := enc.take(x[lo:hi], sum[lo:hi], rate)
		finite = finite && vec.Finite(g)
		start := len(out)
		out = grow(out, HeaderSize)
		if c.sparser(hi-lo, len(idx)) {
			h.Kind, h.Count = Sparse, uint32(len(idx))
			out = appendRice(vec.Append(out, g), hi-lo, idx)
		} else {
			out = vec.Append(out, enc.spread(hi-lo, idx, g))
		}
		seal(out[start:], h)
	}
	if !finite {
		return dst, fmt.Errorf("version %d: %w", id.Seq, ErrNotFinite)
	}
	return out, nil
}

// take moves rate*sum from sum to x, and returns where it was not 0 and what it was. It is valid until the next call.
func (enc *Encoder[T]) take(x, sum []T, rate T) ([]uint32, []T) {
	enc.reserve(len(sum))
	idx, g := enc.idx[:len(sum)], enc.val[:len(sum)]
	n := 0
	for at := 0; at < len(sum); at += tile {
		s, y := sum[at:min(at+tile, len(sum))], x[at:min(at+tile, len(sum))]
		marks := enc.step.bits[:(len(s)+7)/8]
		mark(marks, s, smallest[T]())
		for i := 0; i < len(marks); i += 8 {
			for word := word64(marks, i); word != 0; word &= word - 1 {
				j := 8*i + bits.TrailingZeros64(word)
				v := T(rate * s[j])
				s[j] = 0
				y[j] += v
				idx[n], g[n] = uint32(at+j), v
				n++
			}
		}
	}
	return idx[:n], g[:n]
}

// spread is the vector of n values that has g at idx. It is valid until the next call.
func (enc *Encoder[T]) spread(n int, idx []uint32, g []T) []T {
	if cap(enc.q) < n {
		enc.q = make([]T, n)
	}
	q := enc.q[:n]
	clear(q)
	for j, i := range idx {
		q[i] = g[j]
	}
	return q
}
