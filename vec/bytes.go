package vec

import (
	"encoding/binary"
	"math"
	"unsafe"
)

// Vectors as bytes on the wire: little-endian, 4 bytes a float32 and 8 a float64, at any alignment.

// Size is the number of bytes of one T.
func Size[T Float]() int { return int(unsafe.Sizeof(T(0))) }

var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// Append appends the bytes of x to dst.
func Append[T Float](dst []byte, x []T) []byte {
	if len(x) == 0 {
		return dst
	}
	if littleEndian {
		return append(dst, unsafe.Slice((*byte)(unsafe.Pointer(&x[0])), len(x)*Size[T]())...)
	}
	for _, v := range x {
		dst = AppendOne(dst, v)
	}
	return dst
}

// AppendOne appends the bytes of one value to dst.
func AppendOne[T Float](dst []byte, v T) []byte {
	if Size[T]() == 4 {
		return binary.LittleEndian.AppendUint32(dst, math.Float32bits(float32(v)))
	}
	return binary.LittleEndian.AppendUint64(dst, math.Float64bits(float64(v)))
}

// Load reads value i of b.
func Load[T Float](b []byte, i int) T {
	if Size[T]() == 4 {
		return T(math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:])))
	}
	return T(math.Float64frombits(binary.LittleEndian.Uint64(b[8*i:])))
}

// Read fills x from the bytes b, which are as many as x needs.
func Read[T Float](x []T, b []byte) {
	if len(x) == 0 {
		return
	}
	b = b[:len(x)*Size[T]()]
	if littleEndian {
		copy(unsafe.Slice((*byte)(unsafe.Pointer(&x[0])), len(b)), b)
		return
	}
	for i := range x {
		x[i] = Load[T](b, i)
	}
}

// AxpyBytes adds a*x to y, where b holds x.
func AxpyBytes[T Float](y []T, a T, b []byte) {
	b = b[:len(y)*Size[T]()]
	if y32, ok := any(y).([]float32); ok {
		axpyBytes32(y32, float32(a), b)
		return
	}
	axpyBytes(y, a, b)
}

// FiniteBytes reports whether no value in b is NaN or infinite.
func FiniteBytes[T Float](b []byte) bool {
	if Size[T]() == 4 {
		return finiteBytes32(b)
	}
	return finiteBytes[T](b)
}
