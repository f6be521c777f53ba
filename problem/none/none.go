// Package none is the problem that asks for no work: it measures the machinery around one.
package none

import (
	"context"

	"weir/problem"
)

// Problem has clients that send vectors of zeros.
type Problem struct{ clients, dim int }

// New returns a problem of that many clients and parameters.
func New(clients, dim int) *Problem { return &Problem{clients, dim} }

// Dim is the length of the vector that travels; it may be 0.
func (p *Problem) Dim() int { return p.dim }

// Clients is how many there are.
func (p *Problem) Clients() int { return p.clients }

// Samples is 1: all clients count the same.
func (p *Problem) Samples(int) int { return 1 }

// Start writes zeros.
func (p *Problem) Start(x []float32) { clear(x) }

// Operator returns one that does nothing.
func (p *Problem) Operator() problem.Operator[float32] { return operator{} }

// Evaluate measures nothing.
func (p *Problem) Evaluate([]float32, problem.Each) problem.Metrics { return nil }

type operator struct{}

func (operator) Work(_ context.Context, _ problem.Round, _, delta []float32) (problem.Report, error) {
	clear(delta)
	return problem.Report{Steps: 1, Samples: 1}, nil
}
