package network

import (
	"math/rand/v2"

	"gonum.org/v1/gonum/blas/blas32"
)

// embed replaces each of a context of symbols, given by their numbers, by the symbol's row of a table.
type embed struct{ context, symbols, width int }

func (e embed) params() int  { return e.symbols * e.width }
func (e embed) outputs() int { return e.context * e.width }
func (e embed) keeps() int   { return 0 }

// start draws what the next layer takes for inputs of variance 1.
func (e embed) start(w []float32, random *rand.Rand) {
	for i := range w {
		w[i] = float32(random.NormFloat64())
	}
}

func (e embed) forward(w []float32, b *batch) {
	out := b.out
	for _, symbol := range b.in[:b.n*e.context] {
		copy(out[:e.width], w[int(symbol)*e.width:])
		out = out[e.width:]
	}
}

func (e embed) backward(_ []float32, b *batch, g gradient) {
	scale(g.into, g.beta)
	d := b.dOut
	for _, symbol := range b.in[:b.n*e.context] {
		row := g.into[int(symbol)*e.width:][:e.width]
		blas32.Axpy(g.alpha, vector(d[:e.width]), vector(row))
		d = d[e.width:]
	}
}

func vector(x []float32) blas32.Vector { return blas32.Vector{N: len(x), Inc: 1, Data: x} }
