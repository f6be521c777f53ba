package compress

import (
	"fmt"

	"weir/vec"
)

// A dense payload is every coordinate in the problem's own precision.

func checkDense[T vec.Float](f Frame) error {
	if f.Count != f.Length || len(f.payload) != int(f.Length)*vec.Size[T]() {
		return fmt.Errorf("%w: dense, %d bytes for %d of %d coordinates", ErrSize, len(f.payload), f.Count, f.Length)
	}
	if !vec.FiniteBytes[T](f.payload) {
		return ErrNotFinite
	}
	return nil
}
