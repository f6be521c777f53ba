package gemm_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
	"gonum.org/v1/gonum/blas/gonum"

	_ "weir/gemm"
)

const (
	no = blas.NoTrans
	tr = blas.Trans
)

// product is op(A) (m x k) times op(B) (k x n).
type product struct {
	name    string
	tA, tB  blas.Transpose
	m, n, k int
}

var products = []product{
	{"mlp forward 1", no, no, 32, 128, 784},
	{"mlp forward 2", no, no, 32, 10, 128},
	{"mlp dW1", tr, no, 784, 128, 32},
	{"mlp dW2", tr, no, 128, 10, 32},
	{"mlp dX1", no, tr, 32, 784, 128},
	{"mlp dX2", no, tr, 32, 128, 10},
	{"mlp forward W^T", no, tr, 32, 128, 784},
	{"mlp forward 20", no, no, 20, 128, 784},
	{"mlp forward 64", no, no, 64, 128, 784},
	{"mlp evaluation", no, no, 1000, 128, 784},
	{"logistic forward", no, no, 20, 10, 784},
	{"logistic dW", tr, no, 784, 10, 20},
	{"logistic evaluation", no, no, 1000, 10, 784},
	{"conv1 forward", no, no, 32 * 576, 16, 9},
	{"conv1 dW", tr, no, 9, 16, 32 * 576},
	{"conv2 forward", no, no, 8 * 576, 32, 144},
	{"conv2 dW", tr, no, 144, 32, 8 * 576},
	{"conv2 dX", no, tr, 8 * 576, 144, 32},
	{"conv3 forward", no, no, 4 * 576, 64, 288},
	{"conv3 dW", tr, no, 288, 64, 4 * 576},
	{"conv3 dX", no, tr, 4 * 576, 288, 64},
	{"square 256", no, no, 256, 256, 256},
	{"square 1024", no, no, 1024, 1024, 1024},
	{"square 1000", no, no, 1000, 1000, 1000},
	{"square 1000 B^T", no, tr, 1000, 1000, 1000},
	{"square 4", no, no, 4, 4, 4},
}

// BenchmarkSgemm measures the products that training and evaluation are made of. Compare with -cpu 1: gonum starts
// goroutines for the larger ones.
func BenchmarkSgemm(b *testing.B) {
	for _, p := range products {
		b.Run(fmt.Sprintf("%s %dx%dx%d", p.name, p.m, p.k, p.n), func(b *testing.B) {
			p.run(b, "weir", blas32.Implementation())
			p.run(b, "gonum", gonum.Implementation{})
		})
	}
}

func (p product) run(b *testing.B, name string, impl blas.Float32) {
	b.Run(name, func(b *testing.B) {
		rng := rand.New(rand.NewPCG(1, 2))
		x, y, z := random(rng, p.m*p.k), random(rng, p.k*p.n), random(rng, p.m*p.n)
		lda, ldb := p.k, p.n
		if p.tA == tr {
			lda = p.m
		}
		if p.tB == tr {
			ldb = p.k
		}
		for b.Loop() {
			impl.Sgemm(p.tA, p.tB, p.m, p.n, p.k, 1, x, lda, y, ldb, 0, z, p.n)
		}
		flops := 2 * float64(p.m) * float64(p.n) * float64(p.k)
		b.ReportMetric(flops*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
	})
}

func random(rng *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	return x
}
