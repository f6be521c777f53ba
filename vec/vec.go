// Package vec is arithmetic on vectors for everything that is replicated.
//
// Every function gives the same bits on every build: GOAMD64=v1 and v3, assembly and plain Go, amd64 and arm64. Three
// rules make it so. Products are rounded before they are added (float32(a*b) + c keeps the compiler from fusing the
// two, which it does for v3 and arm64). Sums run in a fixed order of lanes, written down beside each sum. And every
// assembly kernel has a plain Go twin that the tests compare with it bit by bit; the build tag purego selects the twins.
//
// Vectors that belong together have the same length; a function panics when the others are shorter than the first.
// They may not overlap unless they are the same.
package vec

// Float is the arithmetic of a vector.
type Float interface{ float32 | float64 }

// Axpy adds a*x to y.
func Axpy[T Float](y []T, a T, x []T) {
	x = x[:len(y)]
	if y32, ok := any(y).([]float32); ok {
		axpy32(y32, float32(a), any(x).([]float32))
		return
	}
	axpy(y, a, x)
}

// Add adds x to y.
func Add[T Float](y, x []T) { Axpy(y, 1, x) }

// Sub writes x - y to out.
func Sub[T Float](out, x, y []T) {
	x, y = x[:len(out)], y[:len(out)]
	if o, ok := any(out).([]float32); ok {
		sub32(o, any(x).([]float32), any(y).([]float32))
		return
	}
	sub(out, x, y)
}

// Scale multiplies x by a.
func Scale[T Float](x []T, a T) {
	if x32, ok := any(x).([]float32); ok {
		scale32(x32, float32(a))
		return
	}
	scale(x, a)
}

// Step writes x - lr*acc to out and clears acc: the server's outer step in one pass. Out may be x.
func Step[T Float](out, x []T, lr T, acc []T) {
	x, acc = x[:len(out)], acc[:len(out)]
	if o, ok := any(out).([]float32); ok {
		step32(o, any(x).([]float32), float32(lr), any(acc).([]float32))
		return
	}
	step(out, x, lr, acc)
}

// Finite reports whether no value is NaN or infinite.
func Finite[T Float](x []T) bool {
	if x32, ok := any(x).([]float32); ok {
		return finite32(x32)
	}
	return finite(x)
}

// Dot is the sum of x[i]*y[i] in float64: products go to lane i mod 16, and the lanes are added as a tree of halves.
func Dot[T Float](x, y []T) float64 {
	y = y[:len(x)]
	if x32, ok := any(x).([]float32); ok {
		return dot32(x32, any(y).([]float32))
	}
	return dot(x, y)
}

// Norm2 is the sum of squares in float64, in the order of Dot. It is the square of the Euclidean norm.
func Norm2[T Float](x []T) float64 { return Dot(x, x) }
