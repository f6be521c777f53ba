package compress

import (
	"encoding/binary"
	"fmt"
	"math"

	"weir/vec"
)

// Values is how a number is written on the wire.
type Values uint8

// The ways of writing a number.
const (
	FP32 Values = 1 // the problem's own precision: float32, or float64 where the problem works in it
	BF16 Values = 2 // the upper half of a float32, rounded to even
	Int8 Values = 3
	Int4 Values = 4
	Int2 Values = 5
)

var valueNames = [...]string{FP32: "fp32", BF16: "bf16", Int8: "int8", Int4: "int4", Int2: "int2"}

func (v Values) String() string {
	if v > 0 && int(v) < len(valueNames) {
		return valueNames[v]
	}
	return fmt.Sprintf("values %d", uint8(v))
}

// bits is the size of an integer code; 0 for the values that are not codes.
func (v Values) bits() int {
	switch v {
	case Int8:
		return 8
	case Int4:
		return 4
	case Int2:
		return 2
	}
	return 0
}

// Chosen values are written in groups of 256. An integer group has one scale a, and value j is a*c_j with c_j an odd
// number from -(2^b-1) to 2^b-1, written as (c_j + 2^b - 1)/2: no code is spent on 0, because what is chosen is not 0.
const group = 256

// valueBytes is the size of n values.
func valueBytes[T vec.Float](v Values, n int) int {
	switch v {
	case FP32:
		return n * vec.Size[T]()
	case BF16:
		return 2 * n
	}
	return (n+group-1)/group*vec.Size[T]() + (n*v.bits()+7)/8
}

// appendValues appends x and overwrites it with what the other side will read.
func appendValues[T vec.Float](dst []byte, v Values, x []T) []byte {
	switch v {
	case FP32:
		return vec.Append(dst, x)
	case BF16:
		for i := range x {
			b := toBF16(float32(x[i]))
			x[i] = fromBF16[T](b)
			dst = binary.LittleEndian.AppendUint16(dst, b)
		}
		return dst
	}
	for len(x) > 0 {
		n := min(group, len(x))
		dst = appendGroup(dst, v.bits(), x[:n])
		x = x[n:]
	}
	return dst
}

// appendGroup quantises a group to the nearest code. Rounding is not stochastic: chosen values go with a feedback rule,
// which makes up for a bias, and the nearest code contracts more. Few bits want a scale below max/(2^b-1): there the
// scale that is best for the codes and the codes that are best for the scale are taken in turns (Lloyd 1982). Ending on
// a best scale makes the group contract, whatever its values.
func appendGroup[T vec.Float](dst []byte, b int, x []T) []byte {
	levels := T(int(1)<<b - 1)
	a := maxAbs(x) / levels
	if b <= 4 {
		a = bestScale(bestScale(a, levels, x), levels, x)
	}
	half := halfInverse(a)
	if half == 0 {
		a = 0
	}
	dst = vec.AppendOne(dst, a)
	var word uint32
	filled := 0
	for i, v := range x {
		c := oddCode(v, half, levels)
		x[i] = T(a * c)
		word |= uint32(int32(c)+int32(levels)) >> 1 << filled
		if filled += b; filled == 8 {
			dst = append(dst, byte(word))
			word, filled = 0, 0
		}
	}
	if filled > 0 {
		dst = append(dst, byte(word))
	}
	return dst
}

// halfInverse is 1/(2a), or 0 when a is so small that it has no finite inverse.
func halfInverse[T vec.Float](a T) T {
	half := 1 / (2 * a)
	if half-half != 0 {
		return 0
	}
	return half
}

// oddCode is the odd number c, at most levels in size, for which v is nearest to a*c.
func oddCode[T vec.Float](v, half, levels T) T {
	t := min(abs(v)*half, (levels-1)/2)
	c := T(2*int32(t) + 1)
	if v < 0 {
		return -c
	}
	return c
}

// bestScale is the scale that brings the codes that go with scale a nearest to x: sum |x||c| / sum c^2.
func bestScale[T vec.Float](a, levels T, x []T) T {
	half := halfInverse(a)
	if half == 0 {
		return 0
	}
	var xc, cc float64
	for _, v := range x {
		c := float64(oddCode(v, half, levels))
		xc += float64(float64(v) * c)
		cc += c * c // whole numbers: exact
	}
	return T(xc / cc)
}

// checkValues says whether the bytes b, of the right number, hold n finite values.
func checkValues[T vec.Float](v Values, b []byte, n int) bool {
	switch v {
	case FP32:
		return vec.FiniteBytes[T](b)
	case BF16:
		for i := 0; i < 2*n; i += 2 {
			if binary.LittleEndian.Uint16(b[i:])&0x7f80 == 0x7f80 {
				return false
			}
		}
		return true
	}
	for size := vec.Size[T]() + group*v.bits()/8; len(b) > 0; b = b[min(size, len(b)):] {
		if !sound(vec.Load[T](b, 0)) {
			return false
		}
	}
	return true
}

// sound says whether a scale is finite and leaves room for its largest multiple.
func sound[T vec.Float](a T) bool {
	a *= 512
	return a-a == 0
}

// readValues fills x with n values from value first on, a multiple of group, each times weight.
func readValues[T vec.Float](x []T, v Values, b []byte, first int, weight T) {
	switch v {
	case FP32:
		for i := range x {
			x[i] = T(weight * vec.Load[T](b, first+i))
		}
		return
	case BF16:
		for i := range x {
			x[i] = T(weight * fromBF16[T](binary.LittleEndian.Uint16(b[2*(first+i):])))
		}
		return
	}
	bits := v.bits()
	b = b[first/group*(vec.Size[T]()+group*bits/8):]
	a := T(weight * vec.Load[T](b, 0))
	b = b[vec.Size[T]():]
	levels, perByte := int32(1)<<bits-1, 8/bits
	if bits == 8 { // the loop below, without its division
		for i, code := range b[:len(x)] {
			x[i] = T(a * T(2*int32(code)-levels))
		}
		return
	}
	for i := range x {
		code := int32(b[i/perByte]) >> (i % perByte * bits) & levels
		x[i] = T(a * T(2*code-levels))
	}
}

// toBF16 rounds to the nearest, ties to even, and to the largest finite value instead of to infinity.
func toBF16(v float32) uint16 {
	b := math.Float32bits(v)
	b += 0x7fff + b>>16&1
	if b&0x7f800000 == 0x7f800000 {
		b = b&0x80000000 | 0x7f7f0000
	}
	return uint16(b >> 16)
}

func fromBF16[T vec.Float](b uint16) T { return T(math.Float32frombits(uint32(b) << 16)) }
