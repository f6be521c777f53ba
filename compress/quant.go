package compress

import (
	"fmt"
	"math"

	"weir/vec"
)

// A quant payload is, for every block of 256 coordinates, a step and a b-bit two's complement code a coordinate: value
// j is step * code_j. Codes go from -s to s, s = 2^(b-1) - 1.
//
// Rounding is stochastic: with t_j = v_j s/max|v|, code_j is floor(t_j + u_j), u_j uniform on [0, 1), so that
// E[code_j] = t_j (QSGD, Alistarh et al. 2017, with the maximum norm). Its variance is f(1-f), f the fraction of t_j. An
// unbiased code does not contract; divided by 1+omega it does, with omega = sum f(1-f) / sum t^2 of the very block:
// E||C(v)-v||^2 = (1 - 1/(1+omega)) ||v||^2 exactly. The division is in the step that is sent.
const quantBlock = 256

func quantBound[T vec.Float](bits, n int) int {
	return (n+quantBlock-1)/quantBlock*vec.Size[T]() + (n*bits+7)/8
}

// omega bounds sum f(1-f) / sum t^2 over blocks whose largest |t| is s: the other 255 values are then all alike.
func omega(bits int) float64 {
	s := float64(int(1)<<(bits-1) - 1)
	return (math.Sqrt(1+(quantBlock-1)/(s*s)) - 1) / 2
}

// appendQuant appends the blocks of x, which begins at coordinate first of its fragment, and returns ||x - q||^2 with
// them.
func appendQuant[T vec.Float](dst []byte, bits int, x []T, first int, key uint64) ([]byte, float64) {
	var lost float64
	var codes [quantBlock]int8
	s := T(int(1)<<(bits-1) - 1)
	for len(x) > 0 {
		n := min(quantBlock, len(x))
		top := maxAbs(x[:n])
		inverse := s / top
		if inverse-inverse != 0 || top == 0 { // nothing there, or so little that its inverse overflows
			top, inverse = 0, 0
		}
		// With r = t - code: sums of r^2, r*code, code^2 and f(1-f).
		rr, rc, cc, ff := quantise(codes[:n], x[:n], inverse, s, uint32(first), key)
		tt := rr + 2*rc + cc
		var shrink, unit float64 // 1/(1+omega); what a step is before it
		if tt > 0 {
			shrink, unit = tt/(tt+ff), float64(top)/float64(s)
		}
		step := T(shrink * unit)
		dst = vec.AppendOne(dst, step)
		dst = appendCodes(dst, bits, codes[:n])
		if unit > 0 {
			w := 1 - float64(step)/unit // v - q is unit * (r + w*code)
			lost += unit * unit * (rr + float64(2*w*rc) + float64(w*w*cc))
		} else {
			lost += sumSquares(x[:n])
		}
		x, first = x[n:], first+n
	}
	return dst, max(lost, 0)
}

// appendCodes packs codes of b bits, the first in the lowest bits of a byte.
func appendCodes(dst []byte, bits int, codes []int8) []byte {
	perByte, mask := 8/bits, byte(int(1)<<bits-1)
	for len(codes) > 0 {
		var v byte
		for j, c := range codes[:min(perByte, len(codes))] {
			v |= byte(c) & mask << (j * bits)
		}
		dst = append(dst, v)
		codes = codes[min(perByte, len(codes)):]
	}
	return dst
}

// unpackCodes is the inverse of appendCodes.
func unpackCodes(codes []int8, bits int, b []byte) {
	perByte := 8 / bits
	for i := range codes {
		codes[i] = int8(b[i/perByte]<<(8-bits-i%perByte*bits)) >> (8 - bits)
	}
}

func checkQuant[T vec.Float](f Frame) error {
	bits := f.Values.bits()
	if f.Count != f.Length || len(f.payload) != quantBound[T](bits, int(f.Length)) {
		return fmt.Errorf("%w: quant, %d bytes for %d of %d coordinates", ErrSize, len(f.payload), f.Count, f.Length)
	}
	size := vec.Size[T]() + quantBlock*bits/8
	for b := f.payload; len(b) > 0; b = b[min(size, len(b)):] {
		if !sound(vec.Load[T](b, 0)) {
			return ErrNotFinite
		}
	}
	return nil
}

// addQuant adds weight times the values in payload to y.
func addQuant[T vec.Float](y []T, weight T, bits int, payload []byte) {
	var codes [quantBlock]int8
	for len(y) > 0 {
		n := min(quantBlock, len(y))
		step := weight * vec.Load[T](payload, 0)
		payload = payload[vec.Size[T]():]
		unpackCodes(codes[:n], bits, payload)
		addCodes(y[:n], step, codes[:n])
		payload = payload[(n*bits+7)/8:]
		y = y[n:]
	}
}
