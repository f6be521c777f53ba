package vec

func axpy32(y []float32, a float32, x []float32)         { axpy(y, a, x) }
func sub32(out, x, y []float32)                          { sub(out, x, y) }
func scale32(x []float32, a float32)                     { scale(x, a) }
func step32(out, x []float32, lr float32, acc []float32) { step(out, x, lr, acc) }
func finite32(x []float32) bool                          { return finite(x) }
func dot32(x, y []float32) float64                       { return dot(x, y) }

func axpyBytes32(y []float32, a float32, b []byte) {
	for i := range y {
		y[i] += float32(a * Load[float32](b, i))
	}
}

func finiteBytes32(b []byte) bool {
	for i := range len(b) / 4 {
		if v := Load[float32](b, i); v-v != 0 {
			return false
		}
	}
	return true
}
