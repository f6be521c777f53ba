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

// Backward into the parameters themselves is the step that it would be with a gradient of its own.
func TestBackwardIntoTheParameters(t *testing.T) {
	const n, alpha, beta = 4, -.03, .9
	for name, net := range every {
		random := rand.New(rand.NewPCG(3, 4))
		p := net.NewPass(n)
		fill(net, p, n, random)
		w, g := make([]float32, net.Params), make([]float32, net.Params)
		net.Start(w, random)
		p.Forward(w, n)
		p.Backward(w, g, 1, 0)
		want := make([]float64, len(w))
		for i := range w {
			want[i] = beta*float64(w[i]) + alpha*float64(g[i])
		}
		p.Forward(w, n)
		p.Backward(w, w, alpha, beta)
		for i := range w {
			if math.Abs(float64(w[i])-want[i]) > 1e-5*(1+math.Abs(want[i])) {
				t.Errorf("%s: parameter %d is %v, want %v", name, i, w[i], want[i])
				break
			}
		}
	}
}

// A gradient that is taken part by part is that of the whole batch, and what was in its place before does not matter.
func TestGradientsAddUp(t *testing.T) {
	const n, first = 7, 3
	for name, net := range every {
		random := rand.New(rand.NewPCG(5, 6))
		p := net.NewPass(n)
		fill(net, p, n, random)
		w, whole, parts := make([]float32, net.Params), make([]float32, net.Params), make([]float32, net.Params)
		net.Start(w, random)
		for i := range parts {
			parts[i] = float32(math.NaN())
		}
		wholeLoss, wholeRight := p.Forward(w, n)
		p.Backward(w, whole, 1, 0)
		loss, right := p.Forward(w, first)
		p.Backward(w, parts, 1, 0)
		copy(p.X, p.X[first*net.Inputs:])
		copy(p.Y, p.Y[first:])
		moreLoss, moreRight := p.Forward(w, n-first)
		p.Backward(w, parts, 1, 1)
		if right+moreRight != wholeRight || math.Abs(loss+moreLoss-wholeLoss) > 1e-5 {
			t.Errorf("%s: loss %v of %d right, in parts %v of %d", name, wholeLoss, wholeRight, loss+moreLoss, right+moreRight)
		}
		for i := range whole {
			if d := math.Abs(float64(whole[i] - parts[i])); !(d <= 1e-5*(1+math.Abs(float64(whole[i])))) {
				t.Errorf("%s: derivative %d is %v, in parts %v", name, i, whole[i], parts[i])
				break
			}
		}
	}
}

// Scores of a known kind have known losses.
func TestLosses(t *testing.T) {
	for _, test := range []struct {
		z     []float32
		y     int32
		loss  float64
		right int
	}{
		{[]float32{0, 0, 0, 0}, 0, math.Log(4), 1},
		{[]float32{0, 0, 0, 0}, 2, math.Log(4), 0}, // of equal scores the first counts
		{[]float32{1000, 0}, 0, 0, 1},
		{[]float32{1000, 0}, 1, 1000, 0},
		{[]float32{float32(math.Log(3)), 0}, 0, math.Log(4. / 3), 1},
		{[]float32{0}, 0, math.Ln2, 1}, // class 1 needs a score above 0
		{[]float32{0}, 1, math.Ln2, 0},
		{[]float32{500}, 0, 500, 0},
		{[]float32{-500}, 0, 0, 1},
		{[]float32{float32(math.Log(3))}, 1, math.Log(4. / 3), 1},
	} {
		f := softmaxLoss
		if len(test.z) == 1 {
			f = logisticLoss
		}
		loss, squares, right := f(test.z, []int32{test.y}, make([]float32, len(test.z)))
		if math.Abs(loss-test.loss) > 1e-6*(1+test.loss) || right != test.right || squares != loss*loss {
			t.Errorf("%v, class %d: loss %v, its square %v, right %d; want %v, %d", test.z, test.y, loss, squares, right, test.loss, test.right)
		}
	}
	nan := float32(math.NaN())
	for _, z := range [][]float32{{nan, 0, 1}, {0, nan}, {nan}} {
		f := softmaxLoss
		if len(z) == 1 {
			f = logisticLoss
		}
		if loss, _, _ := f(z, []int32{0}, make([]float32, len(z))); !math.IsNaN(loss) {
			t.Errorf("the loss of %v is %v: it must not hide what is not a number", z, loss)
		}
	}
}

func TestExp(t *testing.T) {
	for x := float32(0); x > -87; x -= .00137 {
		if want := math.Exp(float64(x)); math.Abs(float64(exp(x))/want-1) > 3e-7 {
			t.Fatalf("exp(%v) is %v, want %v", x, exp(x), want)
		}
	}
	for x, want := range map[float32]float32{0: 1, -87: 0, -1e30: 0, float32(math.Inf(-1)): 0} {
		if exp(x) != want {
			t.Errorf("exp(%v) is %v, want %v", x, exp(x), want)
		}
	}
	if v := exp(float32(math.NaN())); v == v {
		t.Errorf("exp(NaN) is %v", v)
	}
}

// With SELU and LeCun's weights, numbers of mean 0 and variance 1 stay so through 20 layers; with ReLU and He's weights
// the mean square stays about 1, and with SELU from another start the numbers are drawn back to it (Klambauer et al.
// 2017).
func TestSELUNormalisesItself(t *testing.T) {
	const width, depth, n = 256, 20, 256
	hidden := make([]int, depth)
	for i := range hidden {
		hidden[i] = width
	}
	for _, scale := range []float64{1, 1.5} {
		random := rand.New(rand.NewPCG(1, 1))
		net := MLP(width, hidden, 10, SELU)
		w := make([]float32, net.Params)
		net.Start(w, random)
		p := net.NewPass(n)
		for i := range p.X {
			p.X[i] = float32(scale * random.NormFloat64())
		}
		p.Forward(w, n)
		sum, squares := 0.0, 0.0
		last := p.batches[depth-1].out
		for _, v := range last {
			sum += float64(v)
			squares += float64(v) * float64(v)
		}
		mean := sum / float64(len(last))
		variance := squares/float64(len(last)) - mean*mean
		if math.Abs(mean) > .1 || variance < .8 || variance > 1.25 {
			t.Errorf("inputs of deviation %g have mean %.3f and variance %.3f after %d layers", scale, mean, variance, depth)
		}
	}
}

func TestChunksBoundMemory(t *testing.T) {
	for _, net := range []*Network{Logistic(123, 2), MLP(784, []int{128}, 10, ReLU), CNN(28, 28, 10, ReLU), MLP(1<<22, []int{2}, 2, ReLU)} {
		chunk := net.Chunk()
		p := net.NewPass(chunk)
		floats := len(p.X)
		for _, b := range p.batches {
			floats += len(b.out) + len(b.dOut) + len(b.kept)
		}
		if chunk < 1 || chunk > 512 || chunk > 1 && floats > maxScratch {
			t.Errorf("%s: %d samples at once take %d numbers", net.Name, chunk, floats)
		}
	}
}

// A convolution is the sum that its definition says.
func TestConvolution(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	const height, width, channels, out, n = 7, 6, 2, 3, 2
	c := newConvolution(height, width, channels, out, Linear)
	w := make([]float32, c.params())
	for i := range w {
		w[i] = float32(random.NormFloat64())
	}
	b := batch{n: n, in: make([]float32, n*height*width*channels), out: make([]float32, n*c.outputs()), kept: make([]float32, n*c.keeps())}
	for i := range b.in {
		b.in[i] = float32(random.NormFloat64())
	}
	c.forward(w, &b)
	at := 0
	for image := range n {
		for y := range height - 4 {
			for x := range width - 4 {
				for o := range out {
					want := float64(w[5*5*channels*out+o])
					for ky := range 5 {
						for kx := range 5 {
							for k := range channels {
								in := b.in[((image*height+y+ky)*width+x+kx)*channels+k]
								want += float64(in) * float64(w[((ky*5+kx)*channels+k)*out+o])
							}
						}
					}
					if math.Abs(float64(b.out[at])-want) > 1e-4 {
						t.Fatalf("image %d, pixel %d, %d, channel %d: %v, want %v", image, y, x, o, b.out[at], want)
					}
					at++
				}
			}
		}
	}
}

// The sizes that others report figures for.
func TestParameters(t *testing.T) {
	for _, test := range []struct {
		net  *Network
		want int
	}{
		{Logistic(123, 2), 123},
		{Logistic(784, 10), 7850},
		{MLP(784, []int{128}, 10, ReLU), 101_770},
		{MLP(784, []int{200}, 10, ReLU), 159_010},
		{CNN(28, 28, 10, ReLU), 5*5*16 + 16 + 5*5*16*32 + 32 + 4*4*32*10 + 10},
		{Char(16, 65, 16, []int{64}, ReLU), 65*16 + 256*64 + 64 + 64*65 + 65},
	} {
		if test.net.Params != test.want {
			t.Errorf("%s has %d parameters, want %d", test.net.Name, test.net.Params, test.want)
		}
	}
}
