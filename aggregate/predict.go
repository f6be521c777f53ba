package aggregate

import "weir/vec"

// Predicts reports whether Predict knows the outer optimiser.
func (c OuterConfig) Predicts() bool { return c.Kind == "co2" || c.Kind == "sgd" }

// Predict writes into start where the model will be once the server has applied what a client has sent and not yet
// seen come back: the client plays the outer optimiser forward, a step for each of its pending updates, oldest first,
// as if everybody had sent the same.
//
//	move = (newest - before) / apart     a version's step: -lr Clip(m), all that there is to know of m
//	move = beta move - lr delta          start += move       for each pending delta
//
// It is weight prediction (Chen et al. 2018) by the momentum, together with eager mixing of the client's own progress
// (Kale et al. 2025, arXiv 2502.12996). Where all clients' operators are affine with the same curvature the mean of
// their starts is exactly the model that they would have waited for, so that the delay is gone from the mean dynamics;
// penalty and clip are left out of account. Before is an earlier version, apart versions ago, or nil for one who has held
// none: then no step is known yet. Without pending updates start is newest.
func Predict[T vec.Float](start []T, c OuterConfig, newest, before []T, apart uint64, pending ...[]T) {
	copy(start, newest)
	if len(pending) == 0 {
		return
	}
	move, beta := make([]T, len(start)), T(0)
	if c.Kind == "co2" && before != nil {
		vec.Sub(move, newest, before)
		beta = T(c.Momentum)
	}
	first := beta / T(max(1, apart))
	for _, delta := range pending {
		vec.Scale(move, first)
		first = beta
		vec.Axpy(move, T(-c.LR), delta)
		vec.Add(start, move)
	}
}
