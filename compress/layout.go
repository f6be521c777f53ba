package compress

import (
	"fmt"
	"math"

	"weir/vec"
)

// maxFragment is the most coordinates of a fragment: enough that a sparse frame is full at all but extreme densities.
const maxFragment = 1 << 24

// method is how the coordinates that are sent are chosen: the configuration's kind.
type method uint8

const (
	identity method = iota
	topk
	blocktopk
	randk
	sign
	quant
)

var methods = map[string]method{"identity": identity, "topk": topk, "blocktopk": blocktopk, "randk": randk, "sign": sign, "quant": quant}

// kind is the payload that the method makes.
func (m method) kind() Kind {
	return [...]Kind{identity: Dense, topk: Sparse, blocktopk: Sparse, randk: Random, sign: Sign, quant: Quant}[m]
}

// chosen is how many of n coordinates are sent at most; for randk and the dense kinds, exactly.
func (c *Codec[T]) chosen(n int) int {
	switch c.method {
	case topk, randk:
		return c.share(n)
	case blocktopk:
		return n/tile*c.share(tile) + c.share(n%tile)
	}
	return n
}

// share is k of n coordinates.
func (c *Codec[T]) share(n int) int {
	if n == 0 {
		return 0
	}
	if c.k > 0 {
		return min(c.k, n)
	}
	return max(1, int(math.Round(c.density*float64(n))))
}

// bound is the most bytes that the payload of n coordinates has.
func (c *Codec[T]) bound(n int) int {
	switch c.method.kind() {
	case Sparse:
		return sparseBound[T](c.values, n, c.chosen(n))
	case Random:
		return valueBytes[T](c.values, c.chosen(n))
	case Sign:
		return signBound[T](n)
	case Quant:
		return quantBound[T](c.values.bits(), n)
	default:
		return n * vec.Size[T]()
	}
}

// layOut chooses the length of a fragment: so that no frame is larger than MaxFrame, and so that fragments are few and
// of about the same length.
func (c *Codec[T]) layOut() error {
	unit := tile
	if c.method == identity || c.method == quant {
		unit = quantBlock
	}
	units := min((c.dim+unit-1)/unit, maxFragment/unit)
	if c.k > 0 && c.method != blocktopk && units > 0 && c.bound(min(c.dim, units*unit)) > maxPayload {
		return fmt.Errorf("compress.k: %d: more than a frame holds: set compress.density instead", c.k)
	}
	lo, hi := 0, units // bound(lo units) fits
	for lo < hi {
		if mid := (lo + hi + 1) / 2; c.bound(mid*unit) <= maxPayload {
			lo = mid
		} else {
			hi = mid - 1
		}
	}
	if units == 0 {
		c.fragment, c.fragments = unit, 1
		return nil
	}
	c.fragments = (c.dim + lo*unit - 1) / (lo * unit)
	each := (c.dim + c.fragments - 1) / c.fragments
	c.fragment = (each + unit - 1) / unit * unit
	c.fragments = (c.dim + c.fragment - 1) / c.fragment
	return nil
}

// Fragments is the number of frames of an update. An update of no parameters still has one, empty, frame.
func (c *Codec[T]) Fragments() int { return c.fragments }

// Bounds are the first coordinate of a fragment and the one after its last.
func (c *Codec[T]) Bounds(fragment int) (lo, hi int) {
	lo = fragment * c.fragment
	return lo, min(lo+c.fragment, c.dim)
}

// Contraction is the delta of the compressor: E||C(v)-v||^2 <= (1-delta) ||v||^2. For int4 and int2 values of chosen
// coordinates it leaves the values' share out, and for sign it is what a Gaussian v gives: both contract always, but
// bounds for all v say little.
func (c *Codec[T]) Contraction() float64 {
	delta := 1.0
	if n := min(c.fragment, c.dim); n > 0 {
		delta = float64(c.chosen(n)) / float64(n)
	}
	switch c.method {
	case sign:
		return 2 / math.Pi
	case quant:
		return 1 / (1 + omega(c.values.bits()))
	case topk, blocktopk, randk:
		switch c.values {
		case BF16:
			delta *= 1 - 1.0/(1<<18) // half a unit in the ninth place
		case Int8:
			delta *= 1 - group/(255.0*255.0) // half a step, against the largest of the group
		}
	}
	return delta
}
