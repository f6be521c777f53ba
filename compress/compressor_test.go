package compress

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"weir/vec"
)

// everyConfig calls do with every way to compress.
func everyConfig(do func(name string, set func(*Config))) {
	for _, kind := range kinds {
		values := valueNames[1:]
		switch kind {
		case "identity", "sign":
			values = values[:1]
		case "quant":
			values = values[2:]
		}
		for _, v := range values {
			do(kind+" "+v, func(c *Config) { c.Kind, c.Values, c.Density = kind, v, 0.05 })
		}
	}
}

// topReference is the plain meaning of top-k: sort by size, ties by index, zeros last and never kept.
func topReference[T vec.Float](p []T, k int) []int {
	order := make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(abs(p[b]), abs(p[a])) })
	order = slices.DeleteFunc(order[:min(k, len(p))], func(i int) bool { return p[i] == 0 })
	slices.Sort(order)
	return order
}

// vectors of the shapes on which a selection by sampled threshold can go wrong.
func shapes(r *rand.Rand, n int) map[string][]float32 {
	v := map[string][]float32{}
	fill := func(name string, f func(i int) float32) {
		x := make([]float32, n)
		for i := range x {
			x[i] = f(i)
		}
		v[name] = x
	}
	fill("gaussian", func(int) float32 { return float32(r.NormFloat64()) })
	fill("zero", func(int) float32 { return 0 })
	fill("equal", func(int) float32 { return -1 })
	fill("signs", func(int) float32 { return float32(1 - 2*r.IntN(2)) })
	fill("two sizes", func(int) float32 { return float32(1 + r.IntN(2)) })
	fill("rising", func(i int) float32 { return float32(i) })
	fill("falling", func(i int) float32 { return float32(n - i) })
	fill("mostly zero", func(int) float32 {
		if r.IntN(200) > 0 {
			return 0
		}
		return float32(r.NormFloat64())
	})
	fill("denormal", func(int) float32 { return math.Float32frombits(uint32(r.IntN(1 << 20))) })
	fill("one spike", func(i int) float32 {
		if i == n/3 {
			return 1e18
		}
		return 1e-18 * float32(r.NormFloat64())
	})
	fill("large at the start", func(i int) float32 {
		if i < n/50 {
			return 100 + float32(r.NormFloat64())
		}
		return float32(r.NormFloat64())
	})
	return v
}

func TestTopKIsExact(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, n := range []int{1, 2, 17, 100, 4096, 4097, 20_000, 150_000} {
		for name, g := range shapes(r, n) {
			for _, k := range []int{1, max(1, n/100), max(1, n/7), n} {
				c := codec[float32](t, n, func(c *Config) { c.Kind, c.Density = "topk", float64(k)/float64(n) })
				if c.Fragments() > 1 {
					continue
				}
				update, _, err := c.NewEncoder().Encode(nil, ID{}, nil, g)
				if err != nil {
					t.Fatal(err)
				}
				want := make([]float32, n)
				for _, i := range topReference(g, c.chosen(n)) {
					want[i] = g[i]
				}
				got := decode(t, c, update)
				if !slices.Equal(got, want) {
					t.Errorf("top %d of %d, %s: not the largest", k, n, name)
				}
			}
		}
	}
}

func TestBlockTopKIsExactInEveryBlock(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for name, g := range shapes(r, 30_000) {
		c := codec[float32](t, len(g), func(c *Config) { c.Kind, c.Density = "blocktopk", 0.02 })
		update, _, _ := c.NewEncoder().Encode(nil, ID{}, nil, g)
		want := make([]float32, len(g))
		for at := 0; at < len(g); at += 4096 {
			block := g[at:min(at+4096, len(g))]
			for _, i := range topReference(block, int(math.Round(0.02*float64(len(block))))) {
				want[at+i] = block[i]
			}
		}
		if !slices.Equal(decode(t, c, update), want) {
			t.Errorf("%s: not the largest of every block", name)
		}
	}
}

// Every compressor contracts as much as it states, on average over what is random in it, and measures what it does.
func TestContraction(t *testing.T) {
	everyConfig(func(name string, set func(*Config)) {
		rapid.Check(t, func(rt *rapid.T) {
			n := rapid.IntRange(1, 3000).Draw(rt, "n")
			g := make([]float64, n)
			r := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 0))
			tail := rapid.Float64Range(1, 5).Draw(rt, "tail")
			for i := range g {
				g[i] = math.Copysign(math.Pow(math.Abs(r.NormFloat64()), tail), r.Float64()-0.5)
			}
			c := codec[float64](t, n, set)
			enc, buf := c.NewEncoder(), []byte(nil)
			const draws = 30
			mean := 0.0
			for seq := range uint64(draws) {
				update, stats, err := enc.Encode(buf[:0], ID{Seq: seq}, nil, g)
				if err != nil {
					rt.Fatal(err)
				}
				got := decode(t, c, update)
				lost := 0.0
				for i := range g {
					lost += square(g[i] - got[i])
				}
				measured := 1 - lost/vec.Norm2(g)
				if c.method != quant && math.Abs(measured-stats.Contraction) > 1e-9 {
					rt.Fatalf("%s: contraction %v, says %v", name, measured, stats.Contraction)
				}
				mean += measured / draws
			}
			stated := c.Contraction()
			switch c.method {
			case randk, quant: // the mean over few draws of a heavy tail is anywhere; they have tests of their own
				return
			case sign:
				stated = 1 / float64(min(n, signBlock))
			case topk, blocktopk:
				if c.values.bits() > 0 && c.values.bits() <= 4 {
					stated = 0
				}
			}
			if mean < stated-0.02 {
				rt.Fatalf("%s: mean contraction %v, states %v", name, mean, stated)
			}
		})
	})
}

// Random-k draws every coordinate equally often, so that it contracts by k/d in expectation.
func TestRandomKDrawsEveryCoordinateEquallyOften(t *testing.T) {
	const n, k, draws = 97, 10, 20_000
	var count [n]int
	for seq := range draws {
		seen := map[int]bool{}
		draw(drawKey(1, Header{ID: ID{Seq: uint64(seq)}}), n, k, func(_, i int) {
			if seen[i] {
				t.Fatalf("coordinate %d drawn twice", i)
			}
			seen[i] = true
			count[i]++
		})
	}
	mean := float64(draws) * k / n
	for i, c := range count {
		if math.Abs(float64(c)-mean) > 5*math.Sqrt(mean) {
			t.Errorf("coordinate %d drawn %d times, want about %.0f", i, c, mean)
		}
	}
}

// A stochastic code is unbiased but for its division by 1 + omega, and loses on average what the statistics say.
func TestQuantIsUnbiasedButForItsShrinking(t *testing.T) {
	for _, values := range []string{"int8", "int4", "int2"} {
		g := gaussian[float64](256, 5)
		c := codec[float64](t, len(g), func(c *Config) { c.Kind, c.Values = "quant", values })
		enc, mean := c.NewEncoder(), make([]float64, len(g))
		const draws = 4000
		var lost, says float64
		for seq := range uint64(draws) {
			update, stats, _ := enc.Encode(nil, ID{Seq: seq}, nil, g)
			q := decode(t, c, update)
			vec.Axpy(mean, 1./draws, q)
			vec.Sub(q, q, g)
			lost += vec.Norm2(q) / draws
			says = (1 - stats.Contraction) * vec.Norm2(g)
		}
		shrink := vec.Dot(mean, g) / vec.Norm2(g)
		if shrink < c.Contraction() || shrink > 1 {
			t.Errorf("%s: shrinks by %v, must be in [%v, 1]", values, shrink, c.Contraction())
		}
		if math.Abs(lost/says-1) > 0.02 {
			t.Errorf("%s: loses %v on average, says %v", values, lost, says)
		}
		for i := range g {
			if math.Abs(mean[i]-shrink*g[i]) > 0.15 {
				t.Errorf("%s, coordinate %d: mean %v, want %v", values, i, mean[i], shrink*g[i])
			}
		}
	}
}

// No configuration makes a frame larger than an entry of the raft log, however unlucky the update.
func TestFramesFit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := DefaultConfig()
		cfg.Kind = rapid.SampledFrom(kinds).Draw(t, "kind")
		cfg.Density = math.Exp(-rapid.Float64Range(0, 16).Draw(t, "log density"))
		cfg.Values = rapid.SampledFrom(valueNames[1:]).Draw(t, "values")
		switch cfg.Kind {
		case "identity", "sign":
			cfg.Values = "fp32"
		case "quant":
			cfg.Values = rapid.SampledFrom(valueNames[3:]).Draw(t, "codes")
		}
		dim := rapid.IntRange(0, 100_000_000).Draw(t, "dim")
		c, err := NewCodec[float32](cfg, dim, 1)
		if err != nil {
			t.Fatal(err)
		}
		at := 0
		for i := range c.Fragments() {
			lo, hi := c.Bounds(i)
			if lo != at || hi < lo || c.bound(hi-lo) > maxPayload {
				t.Fatalf("fragment %d of %d spans %d to %d and takes up to %d bytes", i, c.Fragments(), lo, hi, c.bound(hi-lo))
			}
			at = hi
		}
		if at != dim {
			t.Fatalf("fragments end at %d of %d", at, dim)
		}
	})
}

func TestKTooLargeForAFrame(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Kind, cfg.K = "topk", 250_000
	if _, err := NewCodec[float32](cfg, 25_000_000, 1); err == nil {
		t.Error("250,000 float32 values do not fit into a frame")
	}
}

func ExampleCodec_Contraction() {
	everyConfig(func(name string, set func(*Config)) {
		cfg := DefaultConfig()
		set(&cfg)
		c, _ := NewCodec[float32](cfg, 1<<20, 1)
		fmt.Printf("%s %.3g\n", name, c.Contraction())
	})
	// Output:
	// identity fp32 1
	// topk fp32 0.05
	// topk bf16 0.05
	// topk int8 0.0498
	// topk int4 0.05
	// topk int2 0.05
	// blocktopk fp32 0.05
	// blocktopk bf16 0.05
	// blocktopk int8 0.0499
	// blocktopk int4 0.05
	// blocktopk int2 0.05
	// randk fp32 0.05
	// randk bf16 0.05
	// randk int8 0.0498
	// randk int4 0.05
	// randk int2 0.05
	// sign fp32 0.637
	// quant int8 0.996
	// quant int4 0.573
	// quant int2 0.118
}
