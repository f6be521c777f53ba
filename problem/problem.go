// Package problem says what a problem is: the thing a run's clients solve together.
//
// A problem owns the data and the operator T_i of every client; weir owns everything around it. Each kind of problem
// lives in a package of its own below this one, and kinds.Open looks a kind up.
package problem

import (
	"context"
	"strings"
)

// Float is the arithmetic a problem works in: float32 for learning, float64 where a test wants exact answers.
type Float interface{ float32 | float64 }

// Problem is one objective shared by n clients: minimise sum_i p_i f_i(x) over x in R^d, with p_i = Samples(i)/sum.
//
// All methods may be called from several goroutines at once; everything they return depends on the arguments alone.
type Problem[T Float] interface {
	// Dim is d, the number of parameters. It may be 0 (kind none).
	Dim() int
	// Clients is n.
	Clients() int
	// Samples is how much data client i holds; its share p_i is Samples(i) over the sum.
	Samples(client int) int
	// Start writes the initial model, of length Dim, into x.
	Start(x []T)
	// Operator returns a new operator with its own scratch memory, for use by one goroutine.
	Operator() Operator[T]
	// Evaluate measures the model x on held-out data or on the global objective. It cuts the work into parts and
	// hands them to each, which may run them at the same time; the result does not depend on how.
	Evaluate(x []T, each Each) Metrics
}

// Each runs do(0) ... do(parts-1), in any order and possibly at the same time, and returns when all are done.
type Each func(parts int, do func(part int))

// Sequential is the Each that runs its parts one after another.
func Sequential(parts int, do func(part int)) {
	for i := range parts {
		do(i)
	}
}

// Operator does the local work of any client, one round at a time.
type Operator[T Float] interface {
	// Work runs client r.Client's local work from the model x and writes the pseudo-gradient delta = x - T_i(x).
	// Both have length Dim; x is only read. The result depends on r and x alone, never on earlier calls.
	Work(ctx context.Context, r Round, x, delta []T) (Report, error)
}

// Round names one round of local work.
type Round struct {
	Client int
	Seed   uint64  // seeds everything random in the round
	Epochs float64 // passes over the client's own data when the round has a time budget; 0 means as configured
}

// Report says what a round of local work did.
type Report struct {
	Loss    float64 // mean training loss over the samples of the round, each taken before its step
	RMS     float64 // root of the mean square of these losses
	Steps   int     // optimiser steps
	Samples int     // samples processed, counted once per use
}

// Metric is one measured figure of a model, named as in a run's summary: loss, test_accuracy, grad_norm, ...
type Metric struct {
	Name  string
	Value float64
}

// Metrics are the figures of one evaluation, in the order in which they are shown.
type Metrics []Metric

// Get returns the named figure and whether it was measured.
func (m Metrics) Get(name string) (float64, bool) {
	for _, v := range m {
		if v.Name == name {
			return v.Value, true
		}
	}
	return 0, false
}

// LargerIsBetter says which way a metric is to go: up for accuracies and rates, down for losses, norms and residuals.
func LargerIsBetter(metric string) bool {
	return strings.HasSuffix(metric, "accuracy") || metric == "sum_rate"
}
