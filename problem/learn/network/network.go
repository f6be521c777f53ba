// Package network has the models that learn trains: class scores of a batch of samples, and their derivatives.
//
// The parameters of a network are one flat vector of float32, layer after layer, that belongs to the caller. A Pass is
// the scratch memory of one goroutine; in steady state nothing is allocated. All matrices are row-major with one row a
// sample. Products of matrices go through blas32, so that they are as fast as the implementation registered there.
package network

import (
	"math/rand/v2"
)

// Network maps samples of Inputs numbers to Outputs class scores, by Params parameters. Two classes have one score:
// the log-odds of class 1. It is immutable.
type Network struct {
	Inputs, Outputs, Params int
	Name                    string // for people: MLP 784-128-10
	layers                  []placed
}

// placed is a layer and the place of its parameters.
type placed struct {
	layer
	low, high int
}

// layer is a piece of a network. Its methods see its own parameters only.
type layer interface {
	params() int
	outputs() int // numbers a sample
	keeps() int   // numbers a sample that forward keeps for backward, besides in and out
	start(w []float32, random *rand.Rand)
	forward(w []float32, b *batch)
	// backward replaces g.into by g.beta*g.into + g.alpha*(derivative of the loss by w), and writes the derivative by the
	// inputs to b.dIn unless that is nil. It reads w before it writes g.into, which may be w. It may change b.dOut.
	backward(w []float32, b *batch, g gradient)
}

// batch is what a layer sees of n samples.
type batch struct {
	n         int
	in, out   []float32
	dIn, dOut []float32 // derivatives of the loss by in and out; dIn is nil for the first layer
	kept      []float32
	spare     []float32 // scratch of the size that one sample keeps
}

// gradient says where derivatives by parameters go.
type gradient struct {
	into        []float32
	alpha, beta float32
}

// build chains layers.
func build(name string, inputs int, layers ...layer) *Network {
	n := &Network{Name: name, Inputs: inputs}
	for _, l := range layers {
		low := n.Params
		n.Params += l.params()
		n.layers = append(n.layers, placed{l, low, n.Params})
		n.Outputs = l.outputs()
	}
	return n
}

// Start writes initial parameters into w, drawn from random.
func (n *Network) Start(w []float32, random *rand.Rand) {
	for _, l := range n.layers {
		l.start(w[l.low:l.high], random)
	}
}

// maxScratch bounds a pass: 16 MiB of float32, beyond which batches are better cut.
const maxScratch = 1 << 22

// Chunk is the largest batch, up to 512 samples, whose scratch memory is bounded by 16 MiB; but at least one.
func (n *Network) Chunk() int {
	each := n.Inputs
	for _, l := range n.layers {
		each += 2*l.outputs() + l.keeps()
	}
	return max(1, min(512, maxScratch/each))
}

// Pass is scratch memory for batches of one network. It is for use by one goroutine.
type Pass struct {
	// X and Y are where the samples of the next batch are put: Inputs numbers and a class each.
	X []float32
	Y []int32

	// Squares is the sum of the squares of the samples' losses that the last Forward found.
	Squares float64

	network *Network
	batches []batch // one a layer; buffers have room for the largest batch
	n       int
}

// NewPass returns scratch memory for batches of up to size samples.
func (n *Network) NewPass(size int) *Pass {
	p := &Pass{X: make([]float32, size*n.Inputs), Y: make([]int32, size), network: n, batches: make([]batch, len(n.layers))}
	in, dIn := p.X, []float32(nil)
	for i, l := range n.layers {
		b := &p.batches[i]
		b.in, b.dIn = in, dIn
		b.out, b.dOut = make([]float32, size*l.outputs()), make([]float32, size*l.outputs())
		b.kept, b.spare = make([]float32, size*l.keeps()), make([]float32, l.keeps())
		in, dIn = b.out, b.dOut
	}
	return p
}

// Forward computes the scores of the first n samples of X under parameters w. It returns the sum of their losses, the
// cross-entropy of the right class, and how many of them have the right class as the one with the largest score.
func (p *Pass) Forward(w []float32, n int) (loss float64, right int) {
	p.n = n
	for i, l := range p.network.layers {
		b := &p.batches[i]
		b.n = n
		l.forward(w[l.low:l.high], b)
	}
	last := &p.batches[len(p.batches)-1]
	if outputs := p.network.Outputs; outputs > 1 {
		loss, p.Squares, right = softmaxLoss(last.out[:n*outputs], p.Y[:n], last.dOut)
	} else {
		loss, p.Squares, right = logisticLoss(last.out[:n], p.Y[:n], last.dOut)
	}
	return loss, right
}

// Backward follows Forward with the same w: it replaces into by beta*into + alpha*(derivative by w of the sum of the
// batch's losses). Into may be w itself: then alpha = -lr/n is a step of gradient descent, and beta shrinks the weights.
func (p *Pass) Backward(w, into []float32, alpha, beta float32) {
	for i := len(p.batches) - 1; i >= 0; i-- {
		l := p.network.layers[i]
		l.backward(w[l.low:l.high], &p.batches[i], gradient{into[l.low:l.high], alpha, beta})
	}
}
