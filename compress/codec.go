package compress

import (
	"fmt"
	"math"

	"weir/vec"
)

// Codec is what client and server must agree on: how a run's updates are cut, chosen, written and read. It follows
// from the configuration, the dimension and the run's seed alone, never changes, and may be shared between goroutines.
type Codec[T vec.Float] struct {
	dim      int
	fragment int // coordinates of every fragment but the last
	kind     Kind
	values   Values
}

// NewCodec returns the codec of a run over dim parameters. Its error lists every fault of the configuration.
func NewCodec[T vec.Float](cfg Config, dim int, seed uint64) (*Codec[T], error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if dim < 0 || dim > math.MaxInt32 {
		return nil, fmt.Errorf("compress: %d parameters: must be 0 to %d", dim, math.MaxInt32)
	}
	return &Codec[T]{dim: dim, kind: Dense, values: FP32, fragment: maxPayload / vec.Size[T]() &^ 15}, nil
}

// Dim is the number of parameters.
func (c *Codec[T]) Dim() int { return c.dim }

// Fragments is the number of frames of an update. An update of no parameters still has one, empty, frame.
func (c *Codec[T]) Fragments() int { return max(1, (c.dim+c.fragment-1)/c.fragment) }

// Bounds are the first coordinate of a fragment and the one after its last.
func (c *Codec[T]) Bounds(fragment int) (lo, hi int) {
	lo = fragment * c.fragment
	return lo, min(lo+c.fragment, c.dim)
}

// Parse verifies the frame at the start of b and returns it with the bytes that follow it. What it returns is safe to
// hand to Add: sizes, checksum, place, indices and values have all been checked, and the frame is one that this run
// sends. It allocates nothing unless it refuses. The error is one of the package's Err values, wrapped.
func (c *Codec[T]) Parse(b []byte) (Frame, []byte, error) {
	f, rest, err := open(b)
	if err != nil {
		return Frame{}, nil, fmt.Errorf("parse frame: %w", err)
	}
	if err = c.check(f); err != nil {
		return Frame{}, nil, fmt.Errorf("parse frame %d of update %d of client %d: %w", f.Fragment, f.Seq, f.Client, err)
	}
	return f, rest, nil
}

// Check verifies a whole update: all of its frames, in order, and nothing else. It returns the header of the first.
func (c *Codec[T]) Check(update []byte) (Header, error) {
	var first Header
	for i := range c.Fragments() {
		f, rest, err := c.Parse(update)
		if err != nil {
			return Header{}, err
		}
		if i == 0 {
			first = f.Header
		}
		if int(f.Fragment) != i || f.ID != first.ID || f.Epoch != first.Epoch {
			return Header{}, fmt.Errorf("check update %d of client %d: %w: frame %d stands where frame %d belongs", first.Seq, first.Client, ErrLayout, f.Fragment, i)
		}
		update = rest
	}
	if len(update) > 0 {
		return Header{}, fmt.Errorf("check update %d of client %d: %w: %d bytes after its last frame", first.Seq, first.Client, ErrLayout, len(update))
	}
	return first, nil
}

// check says whether an opened frame is one of this run's and whether its payload is sound.
func (c *Codec[T]) check(f Frame) error {
	if int(f.Width) != vec.Size[T]() || int64(f.Fragments) != int64(c.Fragments()) || f.Fragment >= f.Fragments {
		return fmt.Errorf("%w: fragment %d of %d, %d-byte arithmetic", ErrLayout, f.Fragment, f.Fragments, f.Width)
	}
	lo, hi := c.Bounds(int(f.Fragment))
	if f.Offset != uint64(lo) || int(f.Length) != hi-lo {
		return fmt.Errorf("%w: %d coordinates from %d, must be %d from %d", ErrLayout, f.Length, f.Offset, hi-lo, lo)
	}
	if f.Kind != c.kind || f.Values != c.values {
		return fmt.Errorf("%w: %v %v, must be %v %v", ErrLayout, f.Kind, f.Values, c.kind, c.values)
	}
	return checkDense[T](f)
}

// Add adds weight times the update that the frame carries to its part of acc, a vector of Dim values.
func (c *Codec[T]) Add(acc []T, weight T, f Frame) {
	addDense(acc[f.Offset:][:f.Length], weight, f)
}
