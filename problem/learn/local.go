package learn

import (
	"context"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/blas/blas32"

	"weir/problem"
	"weir/problem/learn/dataset"
	"weir/problem/learn/network"
	"weir/vec"
)

// operator is local SGD. Its memory is that of one batch, and of one or two vectors where a step needs its gradient
// as a whole.
type operator struct {
	p        *Problem
	pass     *network.Pass
	source   *rand.PCG
	random   *rand.Rand // of source
	order    []int32    // the client's samples, in the order of this pass over them
	grad     []float32
	velocity []float32
}

// Operator returns a new operator.
func (p *Problem) Operator() problem.Operator[float32] {
	source := new(rand.PCG)
	return &operator{p: p, pass: p.network.NewPass(p.batch), source: source, random: rand.New(source)}
}

// Work trains the model on the client's data. The local model lives in delta until the end.
func (o *operator) Work(ctx context.Context, r problem.Round, x, delta []float32) (problem.Report, error) {
	samples := o.p.deal.Of(r.Client)
	todo := o.p.plan(len(samples), r.Epochs)
	o.source.Seed(r.Seed, workStream)
	o.prepare()
	w := delta
	copy(w, x)

	var report problem.Report
	var rest []int32 // of this pass over the samples
	for todo.steps > 0 && todo.samples > 0 {
		if err := ctx.Err(); err != nil {
			return problem.Report{}, err
		}
		if len(rest) == 0 {
			o.order = append(o.order[:0], samples...)
			rest = o.order
		}
		n := min(todo.batch, todo.samples, len(rest))
		if n < len(samples) { // else all of them, in any order
			draw(rest, n, o.random)
		}
		loss, squares := o.step(w, x, rest[:n])
		report.Loss += loss
		report.RMS += squares
		rest = rest[n:]
		todo.steps--
		todo.samples -= n
		report.Steps++
		report.Samples += n
	}
	report.Loss /= float64(report.Samples)
	report.RMS = math.Sqrt(report.RMS / float64(report.Samples))
	vec.Sub(delta, x, w)
	return report, nil
}

// work is what is to be done in a round: it ends when either of its bounds is reached.
type work struct{ batch, steps, samples int }

// plan is the work of a client with n samples, in as many epochs as given or configured.
func (p *Problem) plan(n int, epochs float64) work {
	w := work{batch: n, steps: math.MaxInt, samples: math.MaxInt}
	if p.local.Batch > 0 {
		w.batch = min(n, int(p.local.Batch))
	}
	switch {
	case epochs > 0:
	case p.local.Steps > 0:
		w.steps = p.local.Steps
		return w
	default:
		epochs = p.local.Epochs
	}
	w.samples = max(1, int(math.Round(min(epochs*float64(n), 1<<53))))
	return w
}

// draw moves n of the samples, drawn at random, to the front: the first n steps of a shuffle (Fisher and Yates).
func draw(samples []int32, n int, random *rand.Rand) {
	for i := range n {
		j := i + random.IntN(len(samples)-i)
		samples[i], samples[j] = samples[j], samples[i]
	}
}

// prepare makes room for what the configured step needs, and forgets earlier rounds.
func (o *operator) prepare() {
	if o.p.local.Momentum == 0 {
		return
	}
	if o.velocity == nil {
		o.velocity = make([]float32, o.p.Dim())
	}
	clear(o.velocity)
}

// step takes one step of SGD on w and returns the sums of the samples' losses before it, and of their squares. X is the
// round's base model.
func (o *operator) step(w, x []float32, samples []int32) (loss, squares float64) {
	l := o.p.local
	if l.Momentum == 0 && l.Clip == 0 && len(samples) <= o.p.batch {
		load(o.pass, o.p.set.Train, samples)
		loss, _ := o.pass.Forward(w, len(samples))
		shrink := 1 - l.LR*(o.p.l2+l.WeightDecay+l.Prox)
		o.pass.Backward(w, w, float32(-l.LR/float64(len(samples))), float32(shrink))
		if l.Prox != 0 {
			axpy(float32(l.LR*l.Prox), x, w)
		}
		return loss, o.pass.Squares
	}
	if o.grad == nil {
		o.grad = make([]float32, len(w))
	}
	loss, squares = o.gradient(w, samples)
	o.descend(w, x)
	return loss, squares
}

// gradient writes the mean gradient of the samples' losses into o.grad, a part of them at a time.
func (o *operator) gradient(w []float32, samples []int32) (loss, squares float64) {
	alpha, beta := 1/float32(len(samples)), float32(0)
	for len(samples) > 0 {
		n := min(len(samples), o.p.batch)
		load(o.pass, o.p.set.Train, samples[:n])
		sum, _ := o.pass.Forward(w, n)
		o.pass.Backward(w, o.grad, alpha, beta)
		loss += sum
		squares += o.pass.Squares
		samples, beta = samples[n:], 1
	}
	return loss, squares
}

// descend moves w by the gradient in o.grad: that of the objective, l2 included, plus the proximal term mu (w - x) of
// FedProx (Li et al. 2020), bounded in norm; then weight decay and momentum, as in torch.optim.SGD.
func (o *operator) descend(w, x []float32) {
	l, g := o.p.local, o.grad
	if decay := o.p.l2 + l.Prox; decay != 0 {
		axpy(float32(decay), w, g)
	}
	if l.Prox != 0 {
		axpy(float32(-l.Prox), x, g)
	}
	if norm := math.Sqrt(vec.Norm2(g)); l.Clip > 0 && norm > l.Clip {
		vec.Scale(g, float32(l.Clip/norm))
	}
	if l.WeightDecay != 0 {
		axpy(float32(l.WeightDecay), w, g)
	}
	if l.Momentum != 0 {
		vec.Scale(o.velocity, float32(l.Momentum))
		axpy(1, g, o.velocity)
		g = o.velocity
	}
	axpy(float32(-l.LR), g, w)
}

// axpy adds a*x to y.
func axpy(a float32, x, y []float32) {
	blas32.Axpy(a, blas32.Vector{N: len(x), Inc: 1, Data: x}, blas32.Vector{N: len(y), Inc: 1, Data: y})
}

// load puts samples into a pass.
func load(pass *network.Pass, from dataset.Samples, samples []int32) {
	width := len(pass.X) / len(pass.Y)
	for i, s := range samples {
		from.Read(pass.X[i*width:(i+1)*width], int(s))
		pass.Y[i] = int32(from.Label(int(s)))
	}
}
