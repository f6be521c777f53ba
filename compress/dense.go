package compress

import (
	"fmt"

	"weir/vec"
)

// appendDense appends the payload of a dense frame.
func appendDense[T vec.Float](dst []byte, p []T) []byte { return vec.Append(dst, p) }

func checkDense[T vec.Float](f Frame) error {
	if f.Count != f.Length || int(f.Payload) != int(f.Length)*vec.Size[T]() || f.Rice != 0 {
		return fmt.Errorf("%w: dense, %d bytes for %d of %d coordinates", ErrSize, f.Payload, f.Count, f.Length)
	}
	if !vec.FiniteBytes[T](f.payload) {
		return ErrNotFinite
	}
	return nil
}

// addDense adds weight times the frame's values to y.
func addDense[T vec.Float](y []T, weight T, f Frame) { vec.AxpyBytes(y, weight, f.payload) }
