package selection

import (
	"math"

	"weir/vec"
)

// keep is how much of the direction a movement leaves.
const keep = 0.9

// Direction is the moving mean of the global model's movements, downhill like updates: g = .9 g + .1 (x_before - x_after).
// Whoever follows the versions one by one, a worker or the simulator, holds one for all its clients. It never changes, so
// that work that began from an older version can hold on to it; nil is that of a model that has not moved.
type Direction[T vec.Float] []T

// Moved is the direction after the model moved once more.
func (d Direction[T]) Moved(before, after []T) Direction[T] {
	next := make(Direction[T], len(before))
	vec.Sub(next, before, after)
	vec.Scale(next, 1-keep)
	if d != nil {
		vec.Axpy(next, keep, d)
	}
	return next
}

// Cosine is that of the angle between an update and the direction; unknown while either is 0.
func (d Direction[T]) Cosine(update []T) float64 {
	if d == nil {
		return Unknown()
	}
	size := math.Sqrt(vec.Norm2(update)) * math.Sqrt(vec.Norm2(d))
	if !(size > 0) || math.IsInf(size, 0) {
		return Unknown()
	}
	return clip(vec.Dot(update, d)/size, -1, 1)
}
