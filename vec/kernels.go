//go:build !amd64 || purego

package vec

func axpy32(y []float32, a float32, x []float32)         { axpy(y, a, x) }
func sub32(out, x, y []float32)                          { sub(out, x, y) }
func scale32(x []float32, a float32)                     { scale(x, a) }
func step32(out, x []float32, lr float32, acc []float32) { step(out, x, lr, acc) }
func finite32(x []float32) bool                          { return finite(x) }
func dot32(x, y []float32) float64                       { return dot(x, y) }
func axpyBytes32(y []float32, a float32, b []byte)       { axpyBytes(y, a, b) }
func finiteBytes32(b []byte) bool                        { return finiteBytes[float32](b) }
