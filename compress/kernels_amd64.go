//go:build !purego

package compress

import (
	"golang.org/x/sys/cpu"

	"weir/vec"
)

// The kernels serve float32 in whole groups of 16 values, n of them; what is left over goes to the plain twins, which
// go on with the same lanes. Registers of 512 bits are used only where they bring an instruction that 256 lack.
var (
	avx2   = cpu.X86.HasAVX2 && cpu.X86.HasPOPCNT
	avx512 = cpu.X86.HasAVX512F
)

//go:noescape
func sumSquaresAVX2(l *lanes[float32], x *float32, n int)

//go:noescape
func econtrolStepAVX2(l *[3]lanes[float32], bits *byte, p, e, in, h *float32, n int, eta, threshold float32)

//go:noescape
func ecStepAVX2(e, in *float32, n int, beta float32)

//go:noescape
func ef21mStepAVX2(p, v, in, h *float32, n int, m, rest float32)

//go:noescape
func markAVX2(bits *byte, x *float32, n int, threshold float32)

//go:noescape
func maxAbsAVX2(x *float32, n int) float32

//go:noescape
func signBitsAVX2(l *[2]lanes[float32], bits *byte, x *float32, n int) int

//go:noescape
func addSignsAVX2(y *float32, signs *byte, n int, a float32)

//go:noescape
func quantiseAVX2(l *[2]lanes[float32], codes *byte, x *float32, n int, inverse, s float32, first, low, high uint32)

//go:noescape
func quantiseAVX512(l *[2]lanes[float32], codes *byte, x *float32, n int, inverse, s float32, first, low, high uint32)

//go:noescape
func addCodesAVX2(y *float32, codes *byte, n int, step float32)

// fast returns x as float32 and how many of its values the kernels take.
func fast[T vec.Float](x []T) ([]float32, int) {
	x32, ok := any(x).([]float32)
	if !ok || !avx2 {
		return nil, 0
	}
	return x32, len(x) &^ 15
}

func of[T vec.Float](x []T) []float32 { return any(x).([]float32) }

func sumSquares[T vec.Float](x []T) float64 {
	var l lanes[T]
	x32, n := fast(x)
	if n > 0 {
		sumSquaresAVX2(any(&l).(*lanes[float32]), &x32[0], n)
	}
	plainSumSquares(&l, x[n:])
	return l.sum()
}

func econtrolStep[T vec.Float](bits []byte, p, e, g, h []T, eta, threshold T) [3]float64 {
	var l [3]lanes[T]
	g32, n := fast(g)
	if n > 0 {
		econtrolStepAVX2(any(&l).(*[3]lanes[float32]), &bits[0], &of(p)[0], &of(e)[0], &g32[0], &of(h)[0], n, float32(eta), float32(threshold))
	}
	plainEControlStep(&l, bits[n/8:], p[n:], e[n:], g[n:], h[n:], eta, threshold)
	return [3]float64{l[0].sum(), l[1].sum(), l[2].sum()}
}

func ecStep[T vec.Float](e, g []T, beta T) {
	g32, n := fast(g)
	if n > 0 {
		ecStepAVX2(&of(e)[0], &g32[0], n, float32(beta))
	}
	plainECStep(e[n:], g[n:], beta)
}

func ef21mStep[T vec.Float](p, v, g, h []T, m T) {
	g32, n := fast(g)
	if n > 0 {
		ef21mStepAVX2(&of(p)[0], &of(v)[0], &g32[0], &of(h)[0], n, float32(m), float32(1-m))
	}
	plainEF21MStep(p[n:], v[n:], g[n:], h[n:], m)
}

func mark[T vec.Float](bits []byte, x []T, threshold T) {
	x32, n := fast(x)
	if n > 0 {
		markAVX2(&bits[0], &x32[0], n, float32(threshold))
	}
	plainMark(bits[n/8:], x[n:], threshold)
}

func maxAbs[T vec.Float](x []T) T {
	var m T
	x32, n := fast(x)
	if n > 0 {
		m = T(maxAbsAVX2(&x32[0], n))
	}
	return max(m, plainMaxAbs(x[n:]))
}

func signBits[T vec.Float](bits []byte, x []T) (sum, squares float64, zeros int) {
	var l [2]lanes[T]
	x32, n := fast(x)
	if n > 0 {
		zeros = signBitsAVX2(any(&l).(*[2]lanes[float32]), &bits[0], &x32[0], n)
	}
	zeros += plainSignBits(&l, bits[n/8:], x[n:])
	return l[0].sum(), l[1].sum(), zeros
}

func addSigns[T vec.Float](y []T, a T, signs []byte) {
	y32, n := fast(y)
	if n > 0 {
		addSignsAVX2(&y32[0], &signs[0], n, float32(a))
	}
	plainAddSigns(y[n:], a, signs[n/8:])
}

func quantise[T vec.Float](codes []byte, x []T, inverse, s T, first uint32, key uint64) (tt, ff float64) {
	var l [2]lanes[T]
	x32, n := fast(x)
	switch {
	case n > 0 && avx512:
		quantiseAVX512(any(&l).(*[2]lanes[float32]), &codes[0], &x32[0], n, float32(inverse), float32(s), first, uint32(key), uint32(key>>32))
	case n > 0:
		quantiseAVX2(any(&l).(*[2]lanes[float32]), &codes[0], &x32[0], n, float32(inverse), float32(s), first, uint32(key), uint32(key>>32))
	}
	plainQuantise(&l, codes[n:], x[n:], inverse, s, first+uint32(n), key)
	return l[0].sum(), l[1].sum()
}

func addCodes[T vec.Float](y []T, step T, codes []byte) {
	y32, n := fast(y)
	if n > 0 {
		addCodesAVX2(&y32[0], &codes[0], n, float32(step))
	}
	plainAddCodes(y[n:], step, codes[n:])
}
