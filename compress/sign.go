package compress

import (
	"fmt"
	"math"

	"weir/vec"
)

// A sign payload is, for every block of 4096 coordinates, a scale, a bit a coordinate that is 1 where the value is
// negative, and, only when the scale's own sign bit is set, a bit a coordinate that is 1 where the value is 0.
// Value j is then sign(v_j) times the scale ||v||_1/n (Bernstein et al. 2018; Karimireddy et al. 2019).
const signBlock = tile

func signBound[T vec.Float](n int) int {
	full, rest := n/signBlock, n%signBlock
	size := full * (vec.Size[T]() + 2*signBlock/8)
	if rest > 0 {
		size += vec.Size[T]() + 2*((rest+7)/8)
	}
	return size
}

// appendSign appends the block of x, at most 4096 values, and returns ||x - q||^2 with it.
func appendSign[T vec.Float](dst []byte, x []T) ([]byte, float64) {
	size, bytes := vec.Size[T](), (len(x)+7)/8
	start := len(dst)
	dst = grow(dst, size+bytes)
	sum, squares, zeros := signBits(dst[start+size:], x)
	scale := T(sum / float64(len(x)))
	// sum (|x_j| - scale)^2 over the x_j that are not 0
	lost := squares - float64(2*float64(scale)*sum) + float64(float64(len(x)-zeros)*square(scale))
	if zeros > 0 && scale > 0 {
		putScale(dst[start:], -scale)
		dst = grow(dst, bytes)
		zeroBits(dst[start+size+bytes:], x)
	} else {
		putScale(dst[start:], scale)
	}
	return dst, max(lost, 0)
}

// grow appends n zero bytes.
func grow(dst []byte, n int) []byte {
	if len(dst)+n <= cap(dst) {
		dst = dst[:len(dst)+n]
		clear(dst[len(dst)-n:])
		return dst
	}
	return append(dst, make([]byte, n)...)
}

func putScale[T vec.Float](dst []byte, scale T) { vec.AppendOne(dst[:0], scale) }

func zeroBits[T vec.Float](bits []byte, x []T) {
	for i, v := range x {
		if v == 0 {
			bits[i/8] |= 1 << (i % 8)
		}
	}
}

// signParts cuts the first block, of n coordinates, off a payload. Zeros is nil where the block has none.
func signParts[T vec.Float](payload []byte, n int) (scale T, signs, zeros, rest []byte, ok bool) {
	size, bytes := vec.Size[T](), (n+7)/8
	if len(payload) < size+bytes {
		return 0, nil, nil, nil, false
	}
	scale = vec.Load[T](payload, 0)
	signs, rest = payload[size:size+bytes], payload[size+bytes:]
	if math.Signbit(float64(scale)) {
		if len(rest) < bytes {
			return 0, nil, nil, nil, false
		}
		zeros, rest = rest[:bytes], rest[bytes:]
	}
	return abs(scale), signs, zeros, rest, true
}

func checkSign[T vec.Float](f Frame) error {
	rest := f.payload
	for left := int(f.Length); left > 0; left -= signBlock {
		scale, _, _, after, ok := signParts[T](rest, min(left, signBlock))
		if !ok {
			return fmt.Errorf("%w: sign, %d bytes for %d coordinates", ErrSize, len(f.payload), f.Length)
		}
		if !sound(scale) {
			return ErrNotFinite
		}
		rest = after
	}
	if f.Count != f.Length || len(rest) > 0 {
		return fmt.Errorf("%w: sign, %d bytes for %d of %d coordinates", ErrSize, len(f.payload), f.Count, f.Length)
	}
	return nil
}

// addSign adds weight times the values in payload to y.
func addSign[T vec.Float](y []T, weight T, payload []byte) {
	for len(y) > 0 {
		n := min(signBlock, len(y))
		scale, signs, zeros, rest, _ := signParts[T](payload, n)
		if zeros == nil {
			addSigns(y[:n], T(weight*scale), signs)
		} else {
			addSignsOrZero(y[:n], T(weight*scale), signs, zeros)
		}
		y, payload = y[n:], rest
	}
}

func addSignsOrZero[T vec.Float](y []T, a T, signs, zeros []byte) {
	for i := range y {
		switch {
		case zeros[i/8]>>(i%8)&1 == 1:
		case signs[i/8]>>(i%8)&1 == 1:
			y[i] -= a
		default:
			y[i] += a
		}
	}
}
