//go:build !race

package learn

import (
	"context"
	"testing"

	"weir/problem"
)

// Not under the race detector, which makes pools forget what they are given: the matrix product keeps buffers in one.
func TestWorkAllocatesNothing(t *testing.T) {
	for name, change := range locals {
		c := small()
		change(&c.Local)
		p := open(t, c, "")
		o, x, delta := p.Operator(), randomModel(p, 1), make([]float32, p.Dim())
		round := uint64(0)
		n := testing.AllocsPerRun(20, func() {
			round++
			if _, err := o.Work(context.Background(), problem.Round{Client: int(round) % 10, Seed: round}, x, delta); err != nil {
				t.Fatal(err)
			}
		})
		if n > 0 {
			t.Errorf("%s: %v allocations a round", name, n)
		}
	}
}
