package compress

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"
)

// TestMove checks Move against the long way: write rate*sum out, encode it, and add what the other side reads.
func TestMove(t *testing.T) {
	t.Run("float32", testMove[float32])
	t.Run("float64", testMove[float64])
}

func testMove[T float32 | float64](t *testing.T) {
	c := codec[T](t, 200_003, nil)
	r := rand.New(rand.NewPCG(3, 3))
	for _, density := range []float64{0, 0.0001, 0.08, 0.6, 1} {
		sum, x := make([]T, c.Dim()), gaussian[T](c.Dim(), 5)
		for i := range sum {
			if r.Float64() < density {
				sum[i] = T(r.NormFloat64())
			}
		}
		const rate = 0.125 // no product is rounded to 0
		g := make([]T, len(sum))
		for i, s := range sum {
			g[i] = T(rate * s)
		}
		want, _, err := c.NewEncoder().Encode(nil, ID{Seq: 9}, nil, g)
		if err != nil {
			t.Fatal(err)
		}
		held := append([]T(nil), x...)
		got, err := c.NewEncoder().Move(nil, ID{Seq: 9}, x, sum, rate)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(want) {
			t.Errorf("density %v: %d bytes that are not the %d of Encode", density, len(got), len(want))
		}
		for i, v := range decode(t, c, got) {
			held[i] += v
		}
		equal(t, x, held)
		equal(t, sum, make([]T, len(sum)))
	}
}

func TestMoveSaysWhatIsNotFinite(t *testing.T) {
	c := codec[float32](t, 5000, nil)
	for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(-1)), math.MaxFloat32} {
		sum, x := make([]float32, c.Dim()), make([]float32, c.Dim())
		sum[4990] = bad
		out, err := c.NewEncoder().Move([]byte("before"), ID{}, x, sum, 2)
		if !errors.Is(err, ErrNotFinite) || string(out) != "before" {
			t.Errorf("%v: %d bytes, %v", bad, len(out), err)
		}
		if d := x[4990] - x[4990]; d == d {
			t.Errorf("%v: x is %v, which hides it", bad, x[4990])
		}
	}
}
