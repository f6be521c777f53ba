package vec_test

import (
	"math"
	"testing"

	"weir/vec"
)

func TestStepClearsTheAccumulator(t *testing.T) {
	x, acc := []float32{1, 2, 3}, []float32{10, 20, 30}
	vec.Step(x, x, 0.1, acc)
	want := []float32{0, 0, 0}
	for i := range x {
		if want[i] = float32(i+1) - float32(0.1)*float32(10*(i+1)); x[i] != want[i] || acc[i] != 0 {
			t.Errorf("value %d: %v with accumulator %v, want %v with 0", i, x[i], acc[i], want[i])
		}
	}
}

func TestFinite(t *testing.T) {
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		for i := range 40 {
			x := make([]float32, 40)
			if !vec.Finite(x) {
				t.Fatal("zeros are finite")
			}
			x[i] = float32(bad)
			if vec.Finite(x) || vec.FiniteBytes[float32](vec.Append(nil, x)) {
				t.Errorf("%v at %d not seen", bad, i)
			}
		}
	}
}
