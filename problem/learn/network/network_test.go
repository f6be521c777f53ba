package network

import (
	"math"
	"math/rand/v2"
	"testing"
)

// every is one network of each model, small.
var every = map[string]*Network{
	"logistic, 2 classes": Logistic(7, 2),
	"logistic, 3 classes": Logistic(7, 3),
	"mlp relu":            MLP(6, []int{8, 5}, 4, ReLU),
	"mlp selu, 2 classes": MLP(6, []int{8, 5}, 2, SELU),
	"cnn":                 CNN(17, 16, 3, ReLU),
	"cnn selu":            CNN(16, 16, 3, SELU),
	"char":                Char(4, 9, 3, []int{6}, SELU),
}

// fill puts n random samples into a pass.
func fill(net *Network, p *Pass, n int, random *rand.Rand) {
	for i := range n * net.Inputs {
		p.X[i] = float32(random.NormFloat64())
		if _, isText := net.layers[0].layer.(embed); isText {
			p.X[i] = float32(random.IntN(9))
		}
	}
	for i := range n {
		p.Y[i] = int32(random.IntN(max(2, net.Outputs)))
	}
}

// At random points, the derivative along random directions is what finite differences say, for every layer. Where ReLU
// or pooling has a kink nearby, differences to the left and to the right disagree: such directions prove nothing.
func TestGradientsAreFiniteDifferences(t *testing.T) {
	for name, net := range every {
		for layer := range net.layers {
			if net.layers[layer].params() == 0 {
				continue
			}
			smooth := 0
			for seed := range uint64(20) {
				got, left, right := derivatives(net, layer, seed)
				want := (left + right) / 2
				tolerance := 5e-3 * (1 + math.Abs(want))
				if math.Abs(right-left) > tolerance {
					continue
				}
				smooth++
				if math.Abs(got-want) > tolerance {
					t.Errorf("%s, layer %d, seed %d: Backward says %.5f, differences %.5f", name, layer, seed, got, want)
				}
			}
			if smooth < 5 {
				t.Errorf("%s, layer %d: only %d of 20 directions are smooth", name, layer, smooth)
			}
		}
	}
}

// derivatives are those of a batch's loss along a random direction among one layer's parameters: by Backward, and by
// differences to the left and to the right.
func derivatives(net *Network, layer int, seed uint64) (backward, left, right float64) {
	const n, h = 3, 2e-3
	random := rand.New(rand.NewPCG(seed, 1))
	p := net.NewPass(n)
	fill(net, p, n, random)
	w, g, direction, moved := make([]float32, net.Params), make([]float32, net.Params), make([]float64, net.Params), make([]float32, net.Params)
	net.Start(w, random)
	for i := range w {
		w[i] += float32(.1 * random.NormFloat64())
	}
	p.Forward(w, n)
	p.Backward(w, g, 1, 0)
	l := net.layers[layer]
	for i := l.low; i < l.high; i++ {
		direction[i] = random.NormFloat64() / math.Sqrt(float64(l.high-l.low))
		backward += direction[i] * float64(g[i])
	}
	at := func(step float64) float64 {
		for i := range w {
			moved[i] = w[i] + float32(step*direction[i])
		}
		loss, _ := p.Forward(moved, n)
		return loss
	}
	return backward, (at(0) - at(-h)) / h, (at(h) - at(0)) / h
}
