package learn

import (
	"math"

	"gonum.org/v1/gonum/floats"

	"weir/problem"
	"weir/problem/learn/dataset"
	"weir/problem/learn/network"
	"weir/vec"
)

// maxGradientParts bounds the memory of a full gradient: a vector of float64 for each part.
const maxGradientParts = 64

// evaluator is scratch memory for one part of an evaluation.
type evaluator struct {
	pass    *network.Pass
	numbers []int32
	grad    []float32
}

func (p *Problem) evaluator() *evaluator {
	if e, ok := p.evaluators.Get().(*evaluator); ok {
		return e
	}
	chunk := p.network.Chunk()
	return &evaluator{pass: p.network.NewPass(chunk), numbers: make([]int32, chunk)}
}

// Evaluate measures loss (mean cross-entropy) and test_accuracy on the test part, or on all training data when the set
// has no test part; when training data is held out, loss and validation_accuracy on that. For logistic regression, which is convex, it adds grad_norm: the norm of the gradient of the global
// objective sum_i p_i f_i, over all training data that the clients hold.
func (p *Problem) Evaluate(x []float32, each problem.Each) problem.Metrics {
	test := p.set.Test
	if test == nil {
		test = p.set.Train
	}
	chunk := p.network.Chunk()
	scores := make([]score, (test.Len()+chunk-1)/chunk)
	var gradients [][]float64
	if p.convex {
		gradients = make([][]float64, min(maxGradientParts, (len(p.deal.All())+chunk-1)/chunk))
	}
	each(len(scores)+len(gradients), func(part int) {
		e := p.evaluator()
		defer p.evaluators.Put(e)
		if part < len(scores) {
			scores[part] = e.score(x, test, part*chunk, min((part+1)*chunk, test.Len()))
			return
		}
		part -= len(scores)
		all := p.deal.All()
		low, high := part*len(all)/len(gradients), (part+1)*len(all)/len(gradients)
		gradients[part] = e.gradient(x, p.set.Train, all[low:high])
	})
	var sum score
	for _, s := range scores {
		sum.loss += s.loss
		sum.right += s.right
	}
	metrics := problem.Metrics{
		{Name: "loss", Value: sum.loss / float64(test.Len())},
		{Name: p.metric, Value: float64(sum.right) / float64(test.Len())},
	}
	if p.convex {
		metrics = append(metrics, problem.Metric{Name: "grad_norm", Value: p.norm(x, gradients)})
	}
	return metrics
}

// score is the sum of some samples' losses, and how many of their classes were right.
type score struct {
	loss  float64
	right int
}

func (e *evaluator) score(x []float32, from dataset.Samples, low, high int) score {
	numbers := e.numbers[:high-low]
	for i := range numbers {
		numbers[i] = int32(low + i)
	}
	load(e.pass, from, numbers)
	loss, right := e.pass.Forward(x, high-low)
	return score{loss, right}
}

// gradient is the sum of the gradients of some samples' losses.
func (e *evaluator) gradient(x []float32, from dataset.Samples, samples []int32) []float64 {
	if e.grad == nil {
		e.grad = make([]float32, len(x))
	}
	sum := make([]float64, len(x))
	for len(samples) > 0 {
		n := min(len(samples), len(e.numbers))
		load(e.pass, from, samples[:n])
		e.pass.Forward(x, n)
		e.pass.Backward(x, e.grad, 1, 0)
		for i, v := range e.grad {
			sum[i] += float64(v)
		}
		samples = samples[n:]
	}
	return sum
}

// norm is that of the mean of all samples' gradients plus l2 x.
func (p *Problem) norm(x []float32, parts [][]float64) float64 {
	total := float64(len(p.deal.All()))
	squares := 0.0
	for i, v := range x {
		sum := 0.0
		for _, part := range parts {
			sum += part[i]
		}
		g := sum/total + p.l2*float64(v)
		squares += g * g
	}
	return math.Sqrt(squares)
}

// Smoothness is the largest curvature that the global objective of a logistic regression can have anywhere: gradient
// descent on it converges at any rate up to 1 over this. It is lambda_max(X^T X)/n times 1/4 for two classes and 1/2
// for more (Boehning 1992), plus l2, to a relative 1e-6.
func (p *Problem) Smoothness() float64 {
	all := p.deal.All()
	v, product, row := make([]float32, p.set.Features), make([]float64, p.set.Features), make([]float32, p.set.Features)
	for i := range v {
		v[i] = 1
	}
	largest := 0.0
	for before := -1.0; math.Abs(largest-before) > 1e-7*largest; { // the power method
		before = largest
		vec.Scale(v, float32(1/math.Sqrt(vec.Norm2(v))))
		clear(product)
		for _, s := range all {
			p.set.Train.Read(row, int(s))
			along := vec.Dot(row, v) / float64(len(all))
			for i, x := range row {
				product[i] += along * float64(x)
			}
		}
		largest = floats.Norm(product, 2)
		for i, x := range product {
			v[i] = float32(x)
		}
	}
	if p.network.Outputs == 1 {
		return largest/4 + p.l2
	}
	return largest/2 + p.l2
}
