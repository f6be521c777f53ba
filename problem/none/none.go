// Package none is the problem that asks for no work: it measures the machinery around one, and tests that it loses nothing.
package none

import (
	"context"

	"weir/problem"
)

// Problem has clients that send noise.
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

// Operator returns one that draws noise.
func (p *Problem) Operator() problem.Operator[float32] { return operator{} }

// Evaluate measures nothing.
func (p *Problem) Evaluate([]float32, problem.Each) problem.Metrics { return nil }

type operator struct{}

// Work writes Noise: no client learns anything.
func (operator) Work(_ context.Context, r problem.Round, _, delta []float32) (problem.Report, error) {
	Noise(delta, r.Seed)
	return problem.Report{Steps: 1, Samples: 1}, nil
}

// Noise fills x with numbers from -1 to 1 that depend on the seed alone (splitmix64, Steele et al. 2014).
func Noise(x []float32, seed uint64) {
	for i := range x {
		seed += 0x9e3779b97f4a7c15
		h := (seed ^ seed>>30) * 0xbf58476d1ce4e5b9
		h = (h ^ h>>27) * 0x94d049bb133111eb
		x[i] = float32(int32(h>>32)) * (1.0 / (1 << 31))
	}
}
