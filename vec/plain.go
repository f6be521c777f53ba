package vec

// The plain Go twins. What they compute, bit by bit, is what the package promises.

func axpy[T Float](y []T, a T, x []T) {
	for i, v := range x {
		y[i] += T(a * v)
	}
}

func sub[T Float](out, x, y []T) {
	for i := range out {
		out[i] = x[i] - y[i]
	}
}

func scale[T Float](x []T, a T) {
	for i := range x {
		x[i] *= a
	}
}

func step[T Float](out, x []T, lr T, acc []T) {
	for i := range out {
		out[i] = x[i] - T(lr*acc[i])
		acc[i] = 0
	}
}

// finite uses that v-v is 0 for a finite v and NaN for any other.
func finite[T Float](x []T) bool {
	for _, v := range x {
		if v-v != 0 {
			return false
		}
	}
	return true
}

func dot[T Float](x, y []T) float64 { return dotFrom(new([16]float64), x, y) }

// dotFrom goes on from the sums in lane, whose count of values is a multiple of 16.
func dotFrom[T Float](lane *[16]float64, x, y []T) float64 {
	for ; len(x) >= 16; x, y = x[16:], y[16:] {
		y := y[:16]
		for j, v := range x[:16] {
			lane[j] += float64(float64(v) * float64(y[j]))
		}
	}
	for j, v := range x {
		lane[j] += float64(float64(v) * float64(y[j]))
	}
	for half := 8; half > 0; half /= 2 {
		for j := range half {
			lane[j] += lane[j+half]
		}
	}
	return lane[0]
}

func axpyBytes[T Float](y []T, a T, b []byte) {
	for i := range y {
		y[i] += T(a * Load[T](b, i))
	}
}

func finiteBytes[T Float](b []byte) bool {
	for i := range len(b) / Size[T]() {
		if v := Load[T](b, i); v-v != 0 {
			return false
		}
	}
	return true
}
