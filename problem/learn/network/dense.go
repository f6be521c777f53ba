package network

import (
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
)

// Activation is the function that a layer applies to its weighted sums.
type Activation uint8

// The activations. SELU keeps mean 0 and variance 1 from layer to layer (Klambauer et al. 2017, self-normalising
// networks).
const (
	Linear Activation = iota
	ReLU
	SELU
)

const (
	seluScale = 1.0507009873554804934193349852946
	seluAlpha = 1.6732632423543772848170429916717
)

// gain is the variance of weights times their number of inputs at the start: He et al. 2015 for ReLU, LeCun et al.
// 1998 for the others.
func (a Activation) gain() float64 {
	if a == ReLU {
		return 2
	}
	return 1
}

// apply adds a bias to every row of v, if there is one, and applies the activation.
func (a Activation) apply(v, bias []float32) {
	width := len(bias)
	if width == 0 {
		a.function(v)
		return
	}
	for ; len(v) >= width; v = v[width:] {
		row := v[:width]
		if a == ReLU {
			for j, b := range bias {
				row[j] = max(row[j]+b, 0)
			}
			continue
		}
		for j, b := range bias {
			row[j] += b
		}
		a.function(row)
	}
}

func (a Activation) function(v []float32) {
	switch a {
	case ReLU:
		for j, x := range v {
			v[j] = max(x, 0)
		}
	case SELU:
		for j, x := range v {
			if x > 0 {
				v[j] = seluScale * x
			} else {
				v[j] = seluScale * seluAlpha * (exp(x) - 1)
			}
		}
	}
}

// derive multiplies d by the derivative of the activation where its values are v.
func (a Activation) derive(v, d []float32) {
	v = v[:len(d)]
	switch a {
	case ReLU:
		for j, x := range v {
			// All ones where x > 0, else zero: a branch would be mispredicted half of the time. x is never negative.
			mask := uint32(-int32(math.Float32bits(x)) >> 31)
			d[j] = math.Float32frombits(math.Float32bits(d[j]) & mask)
		}
	case SELU:
		for j, x := range v {
			if x > 0 {
				d[j] *= seluScale
			} else {
				d[j] *= x + seluScale*seluAlpha
			}
		}
	}
}

// dense is a fully connected layer: out = activation(in W + b), with W of in rows and out columns before b.
type dense struct {
	in, out    int
	activation Activation
	bias       bool
}

func (d dense) params() int {
	n := d.in * d.out
	if d.bias {
		n += d.out
	}
	return n
}
func (d dense) outputs() int { return d.out }
func (d dense) keeps() int   { return 0 }

func (d dense) start(w []float32, random *rand.Rand) {
	deviation := math.Sqrt(d.activation.gain() / float64(d.in))
	weights := d.in * d.out
	for i := range weights {
		w[i] = float32(deviation * random.NormFloat64())
	}
	clear(w[weights:])
}

func (d dense) forward(w []float32, b *batch) { d.scores(w, b.n, b.in, b.out) }

func (d dense) backward(w []float32, b *batch, g gradient) {
	d.activation.derive(b.out, b.dOut[:b.n*d.out])
	if b.dIn != nil {
		d.byInputs(w, b.n, b.dOut, b.dIn)
	}
	d.byParameters(b.n, b.in, b.dOut, g)
}

// scores does the layer's work on n rows of in.
func (d dense) scores(w []float32, n int, in, out []float32) {
	weights := matrix(d.in, d.out, w)
	blas32.Gemm(blas.NoTrans, blas.NoTrans, 1, matrix(n, d.in, in), weights, 0, matrix(n, d.out, out))
	d.activation.apply(out[:n*d.out], w[d.in*d.out:])
}

// byInputs writes the derivatives by the inputs, given those by the weighted sums of n rows.
func (d dense) byInputs(w []float32, n int, dSums, dIn []float32) {
	blas32.Gemm(blas.NoTrans, blas.Trans, 1, matrix(n, d.out, dSums), matrix(d.in, d.out, w), 0, matrix(n, d.in, dIn))
}

// byParameters does the same for the parameters.
func (d dense) byParameters(n int, in, dSums []float32, g gradient) {
	blas32.Gemm(blas.Trans, blas.NoTrans, g.alpha, matrix(n, d.in, in), matrix(n, d.out, dSums), g.beta, matrix(d.in, d.out, g.into))
	if !d.bias {
		return
	}
	bias := g.into[d.in*d.out:]
	scale(bias, g.beta)
	for rows := dSums[:n*d.out]; len(rows) > 0; rows = rows[d.out:] {
		for j, v := range rows[:d.out] {
			bias[j] += g.alpha * v
		}
	}
}

// matrix is the first rows*columns numbers of data as a matrix.
func matrix(rows, columns int, data []float32) blas32.General {
	return blas32.General{Rows: rows, Cols: columns, Stride: columns, Data: data[:rows*columns]}
}

// scale multiplies x by a; zero makes zeros even of what is not a number.
func scale(x []float32, a float32) {
	switch a {
	case 0:
		clear(x)
	case 1:
	default:
		for i := range x {
			x[i] *= a
		}
	}
}
