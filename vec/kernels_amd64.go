//go:build !purego

package vec

import (
	"unsafe"

	"golang.org/x/sys/cpu"
)

// AVX2 serves every kernel here: all of them wait for memory, and 512-bit registers measured no faster.
var avx2 = cpu.X86.HasAVX2

// The kernels take whole groups of 32 values (dot of 16); n counts values. Byte pointers may have any alignment.

//go:noescape
func axpyAVX2(y *float32, x *byte, n int, a float32)

//go:noescape
func subAVX2(out, x, y *float32, n int)

//go:noescape
func scaleAVX2(x *float32, n int, a float32)

//go:noescape
func stepAVX2(out, x, acc *float32, n int, lr float32)

//go:noescape
func finiteAVX2(x *byte, n int) bool

//go:noescape
func dotAVX2(lane *[16]float64, x, y *float32, n int)

// groups is how many of n values the kernels take; the rest is for the plain twin.
func groups(n int) int {
	if !avx2 {
		return 0
	}
	return n &^ 31
}

func axpy32(y []float32, a float32, x []float32) {
	n := groups(len(y))
	if n > 0 {
		axpyAVX2(&y[0], bytesOf(x), n, a)
	}
	axpy(y[n:], a, x[n:])
}

func axpyBytes32(y []float32, a float32, b []byte) {
	n := groups(len(y))
	if n > 0 {
		axpyAVX2(&y[0], &b[0], n, a)
	}
	axpyBytes(y[n:], a, b[4*n:])
}

func sub32(out, x, y []float32) {
	n := groups(len(out))
	if n > 0 {
		subAVX2(&out[0], &x[0], &y[0], n)
	}
	sub(out[n:], x[n:], y[n:])
}

func scale32(x []float32, a float32) {
	n := groups(len(x))
	if n > 0 {
		scaleAVX2(&x[0], n, a)
	}
	scale(x[n:], a)
}

func step32(out, x []float32, lr float32, acc []float32) {
	n := groups(len(out))
	if n > 0 {
		stepAVX2(&out[0], &x[0], &acc[0], n, lr)
	}
	step(out[n:], x[n:], lr, acc[n:])
}

func finite32(x []float32) bool {
	n := groups(len(x))
	return (n == 0 || finiteAVX2(bytesOf(x), n)) && finite(x[n:])
}

func finiteBytes32(b []byte) bool {
	n := groups(len(b) / 4)
	return (n == 0 || finiteAVX2(&b[0], n)) && finiteBytes[float32](b[4*n:])
}

func dot32(x, y []float32) float64 {
	var lane [16]float64
	n := groups(len(x))
	if n > 0 {
		dotAVX2(&lane, &x[0], &y[0], n)
	}
	return dotFrom(&lane, x[n:], y[n:])
}

func bytesOf(x []float32) *byte { return (*byte)(unsafe.Pointer(&x[0])) }
