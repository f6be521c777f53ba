package compress

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"

	"weir/vec"
)

// An encoder that is told to send less does, in frames that the codec takes; what it left out is in the error memory.
func TestEncoderSendsLessWhenTold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := DefaultConfig()
		cfg.Kind, cfg.Density, cfg.Feedback = rapid.SampledFrom([]string{"topk", "blocktopk"}).Draw(t, "kind"), 0.2, "ec"
		n := rapid.IntRange(1, 3*tile).Draw(t, "n")
		codec, err := NewCodec[float32](cfg, n, 1)
		if err != nil {
			t.Fatal(err)
		}
		density := rapid.Float64Range(0.001, 1).Draw(t, "density")
		g := make([]float32, n)
		for i := range g {
			g[i] = float32((i*7919)%1009 + 1)
		}
		count := func(density float64) (sent int, update []byte) {
			enc, memory := codec.NewEncoder(), codec.NewMemory(0)
			enc.Density = density
			update, _, err := enc.Encode(nil, ID{}, memory, g)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := codec.Check(update); err != nil {
				t.Fatal(err)
			}
			sum := make([]float32, n)
			for rest := update; len(rest) > 0; {
				var f Frame
				f, rest, _ = codec.Parse(rest)
				sent += int(f.Count)
				codec.Add(sum, 1, f)
			}
			vec.Add(sum, memory.e)
			for i := range g {
				if sum[i] != g[i] {
					t.Fatalf("coordinate %d: %v was sent or is owed, want %v", i, sum[i], g[i])
				}
			}
			return sent, update
		}
		whole, configured := count(0)
		less, update := count(density)
		if blocks := 1 + n/tile; float64(less) > density*float64(n)+float64(blocks) || less > whole || less < 1 {
			t.Fatalf("%d of %d sent at density %v, %d as configured", less, n, density, whole)
		}
		if density >= cfg.Density && !bytes.Equal(update, configured) {
			t.Fatal("more than the codec's density changes the update")
		}
	})
}
