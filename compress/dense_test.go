package compress

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"weir/vec"
)

// decode adds every frame of an update to a new vector.
func decode[T vec.Float](t testing.TB, c *Codec[T], update []byte) []T {
	t.Helper()
	if _, err := c.Check(update); err != nil {
		t.Fatal(err)
	}
	acc := make([]T, c.Dim())
	for len(update) > 0 {
		f, rest, err := c.Parse(update)
		if err != nil {
			t.Fatal(err)
		}
		c.Add(acc, 1, f)
		update = rest
	}
	return acc
}

func gaussian[T vec.Float](n int, seed uint64) []T {
	r := rand.New(rand.NewPCG(seed, 1))
	x := make([]T, n)
	for i := range x {
		x[i] = T(r.NormFloat64())
	}
	return x
}

func equal[T vec.Float](t testing.TB, got, want []T) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d values, want %d", len(got), len(want))
	}
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("value %d is %v, want %v", i, got[i], want[i])
		}
	}
}

func codec[T vec.Float](t testing.TB, dim int, set func(*Config)) *Codec[T] {
	t.Helper()
	cfg := DefaultConfig()
	if set != nil {
		set(&cfg)
	}
	c, err := NewCodec[T](cfg, dim, 7)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestIdentityArrivesWhole(t *testing.T) {
	for _, dim := range []int{0, 1, 7, 65519, 65520, 65521, 200_000} {
		testIdentity[float32](t, dim)
		testIdentity[float64](t, dim)
	}
}

func testIdentity[T vec.Float](t *testing.T, dim int) {
	c := codec[T](t, dim, nil)
	g := gaussian[T](dim, 3)
	update, stats, err := c.NewEncoder().Encode(nil, ID{Client: 5, Seq: 9, Base: 8}, nil, g)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, decode(t, c, update), g)
	if stats.Contraction != 1 || math.Abs(stats.Norm-math.Sqrt(vec.Norm2(g))) > 1e-5*stats.Norm {
		t.Errorf("stats %+v", stats)
	}
}

// An update that is mostly zero travels as a sparse frame, and arrives whole.
func TestIdentityIsSparseWhereThatIsSmaller(t *testing.T) {
	for _, others := range []int{0, 1, 100, 5_000, 9_000, 10_000} {
		g := make([]float32, 10_000)
		for i := range others {
			g[len(g)-1-i] = float32(i + 1)
		}
		c := codec[float32](t, len(g), nil)
		update, stats, err := c.NewEncoder().Encode(nil, ID{}, nil, g)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, decode(t, c, update), g)
		if len(update) > HeaderSize+min(4*len(g), 6*others+8) || stats.Contraction != 1 {
			t.Errorf("%d of %d values are not 0: %d bytes, contraction %v", others, len(g), len(update), stats.Contraction)
		}
	}
}

// A refused update travels again with the next one.
func TestRefusedUpdateIsFoldedIntoTheNext(t *testing.T) {
	c := codec[float64](t, 3, nil)
	enc, m := c.NewEncoder(), c.NewMemory(0)
	refused, _, _ := enc.Encode(nil, ID{Seq: 1}, m, []float64{1, 2, 3})
	if err := c.Return(m, refused); err != nil {
		t.Fatal(err)
	}
	next, _, _ := enc.Encode(nil, ID{Seq: 2}, m, []float64{10, 20, 30})
	equal(t, decode(t, c, next), []float64{11, 22, 33})
	after, _, _ := enc.Encode(nil, ID{Seq: 3}, m, []float64{1, 1, 1})
	equal(t, decode(t, c, after), []float64{1, 1, 1})
}

// Whatever the compressor, NaN and infinities in g are refused, and nothing is written.
func TestEncodeRefusesWhatIsNotFinite(t *testing.T) {
	everyConfig(func(name string, set func(*Config)) {
		for _, feedback := range feedbacks {
			for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
				c := codec[float32](t, 5000, func(c *Config) { set(c); c.Feedback = feedback })
				g := gaussian[float32](5000, 1)
				g[4321] = float32(bad)
				out, _, err := c.NewEncoder().Encode([]byte("kept"), ID{}, c.NewMemory(0), g)
				if !errors.Is(err, ErrNotFinite) || string(out) != "kept" {
					t.Errorf("%s %s: %v encoded as %d bytes, %v", name, feedback, bad, len(out), err)
				}
			}
		}
	})
}

func TestNothingIsAllocatedInSteadyState(t *testing.T) {
	everyConfig(func(name string, set func(*Config)) {
		for _, feedback := range []string{"none", "econtrol"} {
			c := codec[float32](t, 100_000, func(c *Config) { set(c); c.Feedback = feedback })
			enc, m, mirror := c.NewEncoder(), c.NewMemory(0), c.NewMirror()
			g, acc := gaussian[float32](100_000, 1), make([]float32, 100_000)
			var buf []byte
			allocs := testing.AllocsPerRun(3, func() {
				buf, _, _ = enc.Encode(buf[:0], ID{}, m, g)
				for rest := buf; len(rest) > 0; {
					f, after, _ := c.Parse(rest)
					if c.Mirrored() {
						c.Advance(mirror, acc, 1, f)
					} else {
						c.Add(acc, 1, f)
					}
					rest = after
				}
			})
			if allocs > 0 {
				t.Errorf("%s %s: %v allocations an update", name, feedback, allocs)
			}
		}
	})
}
