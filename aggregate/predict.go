package aggregate

import "weir/vec"

// Predicts reports whether Predict knows the outer optimiser.
func (c OuterConfig) Predicts() bool { return c.Kind == "co2" || c.Kind == "sgd" }

// Predict writes into start where the model will be once the server has applied what a client has sent and not yet
// seen come back: the client plays the outer optimiser forward, a step for each of its pending updates, oldest first,
// as if everybody had sent the same.
//
//	move = newest - before          which is -lr Clip(m), all that there is to know of m
//	move = beta move - lr delta     start += move       for each pending delta
//
// It is weight prediction (Chen et al. 2018) by the momentum, together with eager mixing of the client's own progress
// (Kale et al. 2025, arXiv 2502.12996). Where all clients' operators are affine with the same curvature the mean of
// their starts is exactly the model that they would have waited for, so that the delay is gone from the mean dynamics;
// penalty and clip are left out of account. Without pending updates start is newest. Under sgd beta is 0, and before
// is not read.
func Predict[T vec.Float](start []T, c OuterConfig, newest, before []T, pending ...[]T) {
	copy(start, newest)
	if len(pending) == 0 {
		return
	}
	move := make([]T, len(start))
	beta := T(c.Momentum)
	if c.Kind == "sgd" {
		beta = 0
	} else {
		vec.Sub(move, newest, before)
	}
	for _, delta := range pending {
		vec.Scale(move, beta)
		vec.Axpy(move, T(-c.LR), delta)
		vec.Add(start, move)
	}
}
