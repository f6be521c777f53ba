package compress

import (
	"fmt"
	"math"

	"weir/vec"
)

// Codec is what client and server must agree on: how a run's updates are cut, chosen, written and read. It follows
// from the configuration, the dimension and the run's seed alone, never changes, and may be shared between goroutines.
type Codec[T vec.Float] struct {
	dim       int
	fragment  int // coordinates of every fragment but the last
	fragments int
	seed      uint64

	method  method
	values  Values
	k       int
	density float64

	rule                rule
	mean                bool // the server keeps one memory for all clients
	forgets             bool // what comes back is dropped
	beta, momentum, eta float64
}

// NewCodec returns the codec of a run over dim parameters. Its error lists every fault of the configuration.
func NewCodec[T vec.Float](cfg Config, dim int, seed uint64) (*Codec[T], error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if dim < 0 || dim > math.MaxInt32 {
		return nil, fmt.Errorf("compress: %d parameters: must be 0 to %d", dim, math.MaxInt32)
	}
	c := &Codec[T]{
		dim: dim, seed: seed, method: methods[cfg.Kind], k: cfg.K, density: cfg.Density,
		rule: rules[cfg.Feedback], mean: cfg.Mean(), forgets: cfg.Feedback == "forget", beta: cfg.Beta, momentum: cfg.Momentum, eta: float64(cfg.Eta),
	}
	for v, name := range valueNames {
		if name == cfg.Values {
			c.values = Values(v)
		}
	}
	return c, c.layOut()
}

// Dim is the number of parameters.
func (c *Codec[T]) Dim() int { return c.dim }

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
	err := c.walk(update, func(f Frame) {
		if f.Fragment == 0 {
			first = f.Header
		}
	})
	return first, err
}

// Frames is Check for who goes on to decode the update: it appends the verified frames to dst.
func (c *Codec[T]) Frames(dst []Frame, update []byte) ([]Frame, error) {
	n := len(dst)
	if err := c.walk(update, func(f Frame) { dst = append(dst, f) }); err != nil {
		return dst[:n], err
	}
	return dst, nil
}

// walk verifies an update and hands over its frames as it goes.
func (c *Codec[T]) walk(update []byte, do func(Frame)) error {
	var first Header
	for i := range c.fragments {
		f, rest, err := c.Parse(update)
		if err != nil {
			return err
		}
		if i == 0 {
			first = f.Header
		}
		if int(f.Fragment) != i || f.ID != first.ID || f.Epoch != first.Epoch {
			return fmt.Errorf("check update %d of client %d: %w: frame %d stands where frame %d belongs", first.Seq, first.Client, ErrLayout, f.Fragment, i)
		}
		do(f)
		update = rest
	}
	if len(update) > 0 {
		return fmt.Errorf("check update %d of client %d: %w: %d bytes after its last frame", first.Seq, first.Client, ErrLayout, len(update))
	}
	return nil
}

// check says whether an opened frame is one of this run's and whether its payload is sound.
func (c *Codec[T]) check(f Frame) error {
	if int(f.Width) != vec.Size[T]() || int64(f.Fragments) != int64(c.fragments) || f.Fragment >= f.Fragments {
		return fmt.Errorf("%w: fragment %d of %d, %d-byte arithmetic", ErrLayout, f.Fragment, f.Fragments, f.Width)
	}
	lo, hi := c.Bounds(int(f.Fragment))
	if f.Offset != uint64(lo) || int64(f.Length) != int64(hi-lo) {
		return fmt.Errorf("%w: %d coordinates from %d, must be %d from %d", ErrLayout, f.Length, f.Offset, hi-lo, lo)
	}
	if kind := c.method.kind(); f.Kind != kind && !(c.method == identity && f.Kind == Sparse) || f.Values != c.values {
		return fmt.Errorf("%w: %v %v, must be %v %v", ErrLayout, f.Kind, f.Values, kind, c.values)
	}
	if int(f.Count) > c.chosen(hi-lo) {
		return fmt.Errorf("%w: %d values of %d coordinates, must be at most %d", ErrLayout, f.Count, hi-lo, c.chosen(hi-lo))
	}
	switch f.Kind {
	case Sparse:
		return checkSparse[T](f)
	case Random:
		return checkRandom[T](f, c.chosen(hi-lo))
	case Sign:
		return checkSign[T](f)
	case Quant:
		return checkQuant[T](f)
	default:
		return checkDense[T](f)
	}
}

// addSent adds weight times what was sent in frame f to y, the frame's coordinates of a vector.
func (c *Codec[T]) addSent(y []T, weight T, f Frame) {
	switch f.Kind {
	case Sparse:
		addSparse(y, weight, f)
	case Random:
		addRandom(y, weight, f, c.seed)
	default:
		c.addTiles(y, weight, f.payload)
	}
}

// addTiles adds weight times what payload holds to y, for the kinds that send every coordinate. The payload may be that
// of a whole fragment or of some tiles of it.
func (c *Codec[T]) addTiles(y []T, weight T, payload []byte) {
	switch c.method {
	case sign:
		addSign(y, weight, payload)
	case quant:
		addQuant(y, weight, c.values.bits(), payload)
	default:
		vec.AxpyBytes(y, weight, payload)
	}
}
