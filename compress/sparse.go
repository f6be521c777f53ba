package compress

import (
	"fmt"

	"weir/vec"
)

// A sparse payload is the chosen values, then their indices (rice.go).

// sparseBound is the most bytes that the payload of up to k of n coordinates has.
func sparseBound[T vec.Float](v Values, n, k int) int { return valueBytes[T](v, k) + riceBound(n, k) }

func checkSparse[T vec.Float](f Frame) error {
	n, size := int(f.Count), valueBytes[T](f.Values, int(f.Count))
	if size > len(f.payload) {
		return fmt.Errorf("%w: sparse, %d bytes for %d values", ErrSize, len(f.payload), n)
	}
	if !checkValues[T](f.Values, f.payload[:size], n) {
		return ErrNotFinite
	}
	if !checkRice(f.payload[size:], int(f.Length), n) {
		return fmt.Errorf("%w: %d below %d", ErrIndex, n, f.Length)
	}
	return nil
}

// addSparse adds weight times the frame's values to y, the frame's coordinates of a vector.
func addSparse[T vec.Float](y []T, weight T, f Frame) {
	size := valueBytes[T](f.Values, int(f.Count))
	r, _ := newRiceReader(f.payload[size:], int(f.Length), int(f.Count))
	var idx [group]uint32
	var x [group]T
	for first := 0; first < int(f.Count); first += group {
		n := min(group, int(f.Count)-first)
		r.read(idx[:n])
		readValues(x[:n], f.Values, f.payload[:size], first, weight)
		for j, i := range idx[:n] {
			y[i] += x[j]
		}
	}
}
