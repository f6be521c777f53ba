// Package none is a problem without any work, for measuring the machinery around it.
package none

import (
	"context"

	"weir/problem"
)

// Problem has clients that return at once, with a pseudo-gradient of zeros.
type Problem struct {
	clients, dim int
}

// New returns the problem for that many clients and parameters.
func New(clients, dim int) *Problem { return &Problem{clients, dim} }

// Dim is the number of parameters that travel for nothing.
func (p *Problem) Dim() int { return p.dim }

// Clients is the number of clients.
func (p *Problem) Clients() int { return p.clients }

// Samples is 1 for every client.
func (p *Problem) Samples(int) int { return 1 }

// Start leaves the model at zero.
func (p *Problem) Start([]float32) {}

// Operator returns the operator that does nothing.
func (p *Problem) Operator() problem.Operator[float32] { return nothing{} }

// Evaluate has nothing to measure.
func (p *Problem) Evaluate([]float32, problem.Each) problem.Metrics { return nil }

type nothing struct{}

func (nothing) Work(ctx context.Context, _ problem.Round, _, delta []float32) (problem.Report, error) {
	clear(delta)
	return problem.Report{}, ctx.Err()
}
