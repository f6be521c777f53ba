package vec

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// awkward returns n values among which are zeros of both signs, denormals, the largest values and, where asked for,
// NaN and infinities.
func awkward(r *rand.Rand, n int, special bool) []float32 {
	odd := []float32{0, float32(math.Copysign(0, -1)), 1e-45, -1e-40, math.MaxFloat32, 1, -1}
	if special {
		odd = append(odd, float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)))
	}
	x := make([]float32, n)
	for i := range x {
		if x[i] = float32(r.NormFloat64()); r.IntN(4) == 0 {
			x[i] = odd[r.IntN(len(odd))]
		}
	}
	return x
}

// sameBits compares bit by bit; a NaN equals any NaN.
func sameBits(a, b []float32) bool {
	return slices.EqualFunc(a, b, func(x, y float32) bool {
		return math.Float32bits(x) == math.Float32bits(y) || x != x && y != y
	})
}

// Every kernel computes what its plain twin computes: at every length up to a few groups, at every offset from an
// aligned address.
func TestKernelsEqualTheirTwins(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for n := range 140 {
		for offset := range 8 {
			x, y := awkward(r, n+offset, true)[offset:], awkward(r, n+offset, true)[offset:]
			a := float32(r.NormFloat64())
			same := func(name string, kernel, twin func(out, x, y []float32)) {
				gotX, gotY, got := slices.Clone(x), slices.Clone(y), make([]float32, n+offset)[offset:]
				wantX, wantY, want := slices.Clone(x), slices.Clone(y), make([]float32, n)
				kernel(got, gotX, gotY)
				twin(want, wantX, wantY)
				if !sameBits(got, want) || !sameBits(gotX, wantX) || !sameBits(gotY, wantY) {
					t.Fatalf("%s of %d values, offset %d: not what the plain code gives", name, n, offset)
				}
			}
			same("axpy", func(_, x, y []float32) { Axpy(y, a, x) }, func(_, x, y []float32) { axpy(y, a, x) })
			same("sub", func(o, x, y []float32) { Sub(o, x, y) }, func(o, x, y []float32) { sub(o, x, y) })
			same("scale", func(_, x, _ []float32) { Scale(x, a) }, func(_, x, _ []float32) { scale(x, a) })
			same("step", func(o, x, y []float32) { Step(o, x, a, y) }, func(o, x, y []float32) { step(o, x, a, y) })
			same("axpy of bytes", func(_, x, y []float32) { AxpyBytes(y, a, Append([]byte("odd"), x)[3:]) },
				func(_, x, y []float32) { axpy(y, a, x) })

			finiteX, finiteY := awkward(r, n+offset, false)[offset:], awkward(r, n+offset, false)[offset:]
			if got, want := Dot(finiteX, finiteY), dot(finiteX, finiteY); got != want {
				t.Fatalf("dot of %d values, offset %d: %v, plain %v", n, offset, got, want)
			}
			if Finite(x) != finite(x) || !Finite(finiteX) {
				t.Fatalf("finite of %d values, offset %d", n, offset)
			}
		}
	}
}

func BenchmarkVec(b *testing.B) {
	for _, n := range []int{8_000, 25_000_000} {
		x, y, z := make([]float32, n), make([]float32, n), make([]float32, n)
		run := func(name string, do func()) {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				b.SetBytes(int64(4 * n))
				for b.Loop() {
					do()
				}
			})
		}
		run("axpy", func() { Axpy(y, 0.5, x) })
		run("sub", func() { Sub(z, x, y) })
		run("step", func() { Step(x, x, 0.5, y) })
		run("finite", func() { Finite(x) })
		run("norm2", func() { Norm2(x) })
	}
}
