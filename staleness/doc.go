// Package staleness says how much an update counts for its age, and measures asynchrony.
//
// The staleness s of an update is the number of versions that were committed between the update's base and its
// arrival. Every rule gives 1 to a fresh update and never more to an older one. Two rules look at something else than
// s: gap at how far those versions moved the model, ess at how even a window's weights are.
package staleness
