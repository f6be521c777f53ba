//go:build !purego

package gemm

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
	"gonum.org/v1/gonum/blas/gonum"
)

const (
	plain      = blas.NoTrans
	transposed = blas.Trans
)

var nan = float32(math.NaN())

// each runs a test with every set of kernels that this processor has.
func each(t *testing.T, test func(t *testing.T, sgemm blas.Float32Level3)) {
	best := detect()
	if best == none {
		t.Skip("this processor has neither AVX-512 nor AVX2")
	}
	for k := avx2; k <= best; k++ {
		t.Run(k.String(), func(t *testing.T) { test(t, implementation{kernels: k}) })
	}
}

// stored is a matrix as Sgemm takes it: op(data) is rows x cols.
type stored struct {
	op         blas.Transpose
	rows, cols int
	data       []float32
	ld         int
}

// store lays out the rows x cols matrix f with gap values between its stored rows, and none after the last. The gaps
// hold NaN, to show up where one is read.
func store(op blas.Transpose, rows, cols, gap int, f func(i, j int) float32) stored {
	m := stored{op: op, rows: rows, cols: cols, ld: cols + gap}
	n := (rows-1)*m.ld + cols
	if op != plain {
		m.ld = rows + gap
		n = (cols-1)*m.ld + rows
	}
	m.data = slices.Repeat([]float32{nan}, n)
	for i := range rows {
		for j := range cols {
			m.data[m.index(i, j)] = f(i, j)
		}
	}
	return m
}

func (m stored) index(i, j int) int {
	if m.op == plain {
		return i*m.ld + j
	}
	return j*m.ld + i
}

func (m stored) at(i, j int) float32 { return m.data[m.index(i, j)] }

func (m stored) clone() stored {
	m.data = slices.Clone(m.data)
	return m
}

// product computes C = alpha A B + beta C.
func product(s blas.Float32Level3, alpha float32, a, b stored, beta float32, c stored) {
	s.Sgemm(a.op, b.op, c.rows, c.cols, a.cols, alpha, a.data, a.ld, b.data, b.ld, beta, c.data, c.ld)
}

// sameBits fails the test where two matrices differ, the gaps between rows included.
func sameBits(t *testing.T, got, want stored) {
	t.Helper()
	for i := range want.data {
		if math.Float32bits(got.data[i]) != math.Float32bits(want.data[i]) {
			t.Fatalf("C[%d,%d] of %dx%d is %v, want %v", i/want.ld, i%want.ld, want.rows, want.cols, got.data[i], want.data[i])
		}
	}
}

// digits are small whole numbers: sums of their products are exact, so that every order of summing gives the same.
func digits(rng *rand.Rand) func(i, j int) float32 {
	return func(int, int) float32 { return float32(rng.IntN(9) - 4) }
}

func normal(rng *rand.Rand) func(i, j int) float32 {
	return func(int, int) float32 { return float32(rng.NormFloat64()) }
}

func TestImportRegisters(t *testing.T) {
	each(t, func(*testing.T, blas.Float32Level3) {}) // skips
	if got, ok := blas32.Implementation().(implementation); !ok || got.kernels != detect() {
		t.Fatalf("blas32 uses %#v", blas32.Implementation())
	}
}

func TestEqualsGonumOnAnyShape(t *testing.T) {
	ops := []blas.Transpose{blas.NoTrans, blas.Trans, blas.ConjTrans}
	alphas := []float32{1, 1, -1, 0.5, 3, 0}
	betas := []float32{0, 1, -1, 0.5, 3, float32(math.Copysign(0, -1))}
	each(t, func(t *testing.T, sgemm blas.Float32Level3) {
		rng := rand.New(rand.NewPCG(1, 2))
		for range 500 {
			m, n, k := 1+rng.IntN(60), 1+rng.IntN(100), 1+rng.IntN(60)
			if rng.IntN(10) == 0 {
				k += maxDepth
			}
			alpha, beta := alphas[rng.IntN(len(alphas))], betas[rng.IntN(len(betas))]
			a := store(ops[rng.IntN(3)], m, k, rng.IntN(9), digits(rng))
			b := store(ops[rng.IntN(3)], k, n, rng.IntN(9), digits(rng))
			c := store(plain, m, n, rng.IntN(9), digits(rng))
			want := c.clone()
			product(gonum.Implementation{}, alpha, a, b, beta, want)
			product(sgemm, alpha, a, b, beta, c)
			for i := range c.data {
				c.data[i] += 0 // -0 is as good as 0
				want.data[i] += 0
			}
			sameBits(t, c, want)
		}
	})
}

// TestEqualsGonumOnLargeShapes covers several strips, several passes, and the shapes that training uses.
func TestEqualsGonumOnLargeShapes(t *testing.T) {
	shapes := []struct{ m, n, k int }{
		{32, 128, 784},
		{32, 10, 128},
		{784, 128, 32},
		{128, 10, 32},
		{32, 784, 128},
		{1000, 10, 784},
		{784, 10, 20},
		{2 * 576, 16, 9},
		{9, 16, 2 * 576},
		{2*maxRows + 1, 33, 2*maxDepth + 1},
	}
	each(t, func(t *testing.T, sgemm blas.Float32Level3) {
		for _, s := range shapes {
			rng := rand.New(rand.NewPCG(1, 2))
			for _, opA := range []blas.Transpose{plain, transposed} {
				for _, opB := range []blas.Transpose{plain, transposed} {
					a, b := store(opA, s.m, s.k, 0, digits(rng)), store(opB, s.k, s.n, 0, digits(rng))
					c := store(plain, s.m, s.n, 0, digits(rng))
					want := c.clone()
					product(gonum.Implementation{}, 1, a, b, 1, want)
					product(sgemm, 1, a, b, 1, c)
					sameBits(t, c, want)
				}
			}
		}
	})
}

// TestRounding holds every element to the bound of summing k products in any order, k eps sum |a||b| (Higham 2002,
// section 3.5), against a sum in float64.
func TestRounding(t *testing.T) {
	const m, n, k = 13, 37, 5000
	const eps = 1.0 / (1 << 24)
	rng := rand.New(rand.NewPCG(3, 4))
	a, b := store(plain, m, k, 0, normal(rng)), store(plain, k, n, 0, normal(rng))
	each(t, func(t *testing.T, sgemm blas.Float32Level3) {
		c := store(plain, m, n, 0, func(int, int) float32 { return nan })
		product(sgemm, 1, a, b, 0, c)
		for i := range m {
			for j := range n {
				var sum, size float64
				for p := range k {
					term := float64(a.at(i, p)) * float64(b.at(p, j))
					sum, size = sum+term, size+math.Abs(term)
				}
				if diff := math.Abs(float64(c.at(i, j)) - sum); !(diff <= k*eps*size) {
					t.Fatalf("C[%d,%d] = %v, want %v", i, j, c.at(i, j), sum)
				}
			}
		}
	})
}

func TestBetaZeroDoesNotReadC(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	a, b := store(plain, 25, 9, 0, digits(rng)), store(plain, 9, 45, 0, digits(rng))
	each(t, func(t *testing.T, sgemm blas.Float32Level3) {
		for _, alpha := range []float32{0, 1, 2} {
			c := store(plain, 25, 45, 3, func(int, int) float32 { return nan })
			want := c.clone()
			product(gonum.Implementation{}, alpha, a, b, 0, want)
			product(sgemm, alpha, a, b, 0, c)
			sameBits(t, c, want)
		}
	})
}

func TestAlphaZeroDoesNotReadAB(t *testing.T) {
	bad := func(int, int) float32 { return nan }
	each(t, func(t *testing.T, sgemm blas.Float32Level3) {
		c := store(plain, 25, 45, 0, func(i, j int) float32 { return float32(i - j) })
		want := store(plain, 25, 45, 0, func(i, j int) float32 { return float32(3 * (i - j)) })
		product(sgemm, 0, store(plain, 25, 9, 0, bad), store(plain, 9, 45, 0, bad), 3, c)
		sameBits(t, c, want)
	})
}

// TestNaNAndInfinitySpreadAsInPlainLoops compares what kind of number every element is.
func TestNaNAndInfinitySpreadAsInPlainLoops(t *testing.T) {
	const m, n, k = 29, 53, 31
	inf := float32(math.Inf(1))
	odd := func(rng *rand.Rand) func(i, j int) float32 {
		return func(int, int) float32 {
			if rng.IntN(150) == 0 {
				return []float32{nan, inf, -inf}[rng.IntN(3)]
			}
			return float32(rng.IntN(3) - 1)
		}
	}
	rng := rand.New(rand.NewPCG(7, 8))
	for _, op := range []blas.Transpose{plain, transposed} {
		a, b, old := store(op, m, k, 0, odd(rng)), store(op, k, n, 0, odd(rng)), store(plain, m, n, 0, odd(rng))
		each(t, func(t *testing.T, sgemm blas.Float32Level3) {
			c := old.clone()
			product(sgemm, 1, a, b, 1, c)
			kinds := map[string]int{}
			for i := range m {
				for j := range n {
					sum := float32(0)
					for p := range k {
						sum += a.at(i, p) * b.at(p, j)
					}
					want := fmt.Sprint(sum + old.at(i, j))
					if got := fmt.Sprint(c.at(i, j)); got != want {
						t.Fatalf("C[%d,%d] = %s, want %s", i, j, got, want)
					}
					kinds[want]++
				}
			}
			if kinds["NaN"] == 0 || kinds["+Inf"] == 0 || kinds["-Inf"] == 0 || kinds["0"] == 0 {
				t.Fatalf("the example is too tame: %v", kinds)
			}
		})
	}
}

// TestElementDependsOnItsRowAndColumnAlone: the same bits for any other rows and columns beside it, for every way to
// store the operands, and for both sets of kernels.
func TestElementDependsOnItsRowAndColumnAlone(t *testing.T) {
	const m, n, k = 40, 75, 2*maxDepth + 3
	rng := rand.New(rand.NewPCG(9, 10))
	a, b := store(plain, m, k, 0, normal(rng)), store(plain, k, n, 0, normal(rng))
	old := store(plain, m, n, 0, normal(rng))
	var whole stored
	each(t, func(t *testing.T, sgemm blas.Float32Level3) {
		if whole.data == nil {
			whole = old.clone()
			product(sgemm, 1.1, a, b, 0.7, whole)
		}
		for range 200 {
			i, j := rng.IntN(m), rng.IntN(n)
			rows, cols := 1+rng.IntN(m-i), 1+rng.IntN(n-j)
			opA, opB := []blas.Transpose{plain, transposed}[rng.IntN(2)], []blas.Transpose{plain, transposed}[rng.IntN(2)]
			part := store(plain, rows, cols, 0, func(r, c int) float32 { return old.at(i+r, j+c) })
			want := store(plain, rows, cols, 0, func(r, c int) float32 { return whole.at(i+r, j+c) })
			product(sgemm, 1.1,
				store(opA, rows, k, rng.IntN(3), func(r, p int) float32 { return a.at(i+r, p) }),
				store(opB, k, cols, rng.IntN(3), func(p, c int) float32 { return b.at(p, j+c) }), 0.7, part)
			sameBits(t, part, want)
		}
	})
}

func TestManyGoroutinesAtOnce(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	rng := rand.New(rand.NewPCG(11, 12))
	a, b := store(plain, 32, 128, 0, normal(rng)), store(transposed, 128, 200, 0, normal(rng))
	each(t, func(t *testing.T, sgemm blas.Float32Level3) {
		want := store(plain, 32, 200, 0, normal(rng))
		product(sgemm, 1, a, b, 0, want)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				c := want.clone()
				for range 50 {
					product(sgemm, 1, a, b, 0, c)
					if !slices.Equal(c.data, want.data) {
						t.Error("a product came out differently beside others")
						return
					}
				}
			})
		}
		wg.Wait()
	})
}

func TestAllocatesNothing(t *testing.T) {
	rng := rand.New(rand.NewPCG(13, 14))
	for _, op := range []blas.Transpose{plain, transposed} {
		a, b, c := store(op, 32, 128, 0, normal(rng)), store(op, 128, 200, 0, normal(rng)), store(plain, 32, 200, 0, normal(rng))
		each(t, func(t *testing.T, sgemm blas.Float32Level3) {
			if n := testing.AllocsPerRun(100, func() { product(sgemm, 1, a, b, 0, c) }); n > 0 {
				t.Errorf("%v allocations", n)
			}
		})
	}
}

type arguments struct {
	tA, tB        blas.Transpose
	m, n, k       int
	a, b, c       []float32
	lda, ldb, ldc int
}

// outcome is what a call panics with, nil when it does not.
func (x arguments) outcome(s blas.Float32Level3) (panicked any) {
	defer func() { panicked = recover() }()
	s.Sgemm(x.tA, x.tB, x.m, x.n, x.k, 1, x.a, x.lda, x.b, x.ldb, 1, x.c, x.ldc)
	return nil
}

// three is a good product of 3 x 3 matrices.
func three(tA, tB blas.Transpose) arguments {
	return arguments{tA, tB, 3, 3, 3, make([]float32, 11), make([]float32, 11), make([]float32, 11), 4, 4, 4}
}

// TestPanicsAsGonum gives every argument in turn a value that does not fit the others.
func TestPanicsAsGonum(t *testing.T) {
	wrong := map[string]func(x *arguments){
		"op(A)":    func(x *arguments) { x.tA = 'x' },
		"op(B)":    func(x *arguments) { x.tB = 'x' },
		"m":        func(x *arguments) { x.m = -1 },
		"n":        func(x *arguments) { x.n = -1 },
		"k":        func(x *arguments) { x.k = -1 },
		"lda":      func(x *arguments) { x.lda = 2 },
		"ldb":      func(x *arguments) { x.ldb = 2 },
		"ldc":      func(x *arguments) { x.ldc = 2 },
		"zero lda": func(x *arguments) { x.lda = 0 },
		"zero ldb": func(x *arguments) { x.ldb = 0 },
		"zero ldc": func(x *arguments) { x.ldc = 0 },
		"short A":  func(x *arguments) { x.a = x.a[:10] },
		"short B":  func(x *arguments) { x.b = x.b[:10] },
		"short C":  func(x *arguments) { x.c = x.c[:10] },
		"nil A":    func(x *arguments) { x.a = nil },
		"nil B":    func(x *arguments) { x.b = nil },
		"nil C":    func(x *arguments) { x.c = nil },
	}
	each(t, func(t *testing.T, sgemm blas.Float32Level3) {
		for _, tA := range []blas.Transpose{plain, transposed} {
			for _, tB := range []blas.Transpose{plain, transposed} {
				if p := three(tA, tB).outcome(sgemm); p != nil {
					t.Fatalf("the good example panics: %v", p)
				}
				for name, spoil := range wrong {
					x := three(tA, tB)
					spoil(&x)
					got, want := x.outcome(sgemm), x.outcome(gonum.Implementation{})
					if want == nil || fmt.Sprint(got) != fmt.Sprint(want) {
						t.Errorf("wrong %s: panics with %v, gonum with %v", name, got, want)
					}
				}
			}
		}
	})
}

// TestStridesPastAllMemory: where arithmetic with the strides overflows gonum stumbles within Go's bounds checks, which
// the kernels do not have.
func TestStridesPastAllMemory(t *testing.T) {
	each(t, func(t *testing.T, sgemm blas.Float32Level3) {
		for _, ld := range []int{math.MaxInt, math.MaxInt/2 + 1, math.MaxInt/4 + 1, math.MaxInt32} {
			for _, tA := range []blas.Transpose{plain, transposed} {
				for operand := range 3 {
					x := three(tA, tA)
					*[]*int{&x.lda, &x.ldb, &x.ldc}[operand] = ld
					got, want := x.outcome(sgemm), x.outcome(gonum.Implementation{})
					if fmt.Sprint(got) != fmt.Sprint(want) {
						t.Errorf("stride %d: panics with %v, gonum with %v", ld, got, want)
					}
				}
			}
		}
	})
}

func TestEmptyProducts(t *testing.T) {
	each(t, func(t *testing.T, sgemm blas.Float32Level3) {
		sgemm.Sgemm(plain, plain, 0, 5, 5, 1, nil, 5, make([]float32, 25), 5, 0, nil, 5)
		sgemm.Sgemm(plain, plain, 5, 0, 5, 1, make([]float32, 25), 5, nil, 1, 0, nil, 1)
		c := store(plain, 2, 3, 0, func(i, j int) float32 { return float32(i + j) })
		want := store(plain, 2, 3, 0, func(i, j int) float32 { return float32(2 * (i + j)) })
		sgemm.Sgemm(plain, plain, 2, 3, 0, 1, make([]float32, 2), 1, nil, 3, 2, c.data, 3)
		sameBits(t, c, want)
	})
}
