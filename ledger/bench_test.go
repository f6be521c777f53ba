package ledger

import (
	"math/rand/v2"
	"testing"

	"weir/aggregate"
	"weir/compress"
)

// BenchmarkWindow is what a node does for a window of eight updates of a million parameters, 1% of them in 8 bits: verify
// and apply each, and make the next version.
func BenchmarkWindow(b *testing.B) {
	const dim, clients = 1_000_000, 8
	c := compress.DefaultConfig()
	c.Kind, c.Density, c.Values, c.Feedback = "topk", 0.01, "int8", "ec"
	for _, outer := range []string{"sgd", "nesterov"} {
		b.Run(outer, func(b *testing.B) {
			o := aggregate.OuterConfig{Kind: outer, LR: 1}
			m, err := NewModel(c, 1, o, make([]float32, dim))
			if err != nil {
				b.Fatal(err)
			}
			updates := benchUpdates(b, m.Codec(), clients)
			b.Run("admit", func(b *testing.B) {
				for i := range b.N {
					frames, why := m.Check(Command{Client: uint32(i % clients)}, updates[i%clients])
					if why != None {
						b.Fatal(why)
					}
					m.Decode(frames, 1, 1)
				}
			})
			b.Run("commit", func(b *testing.B) {
				for i := range b.N {
					b.StopTimer()
					for k, u := range updates {
						frames, _ := m.Check(Command{Client: uint32(k)}, u)
						m.Decode(frames, float64(1+i%3), 1)
					}
					b.StartTimer()
					m.Commit(0.1, 1)
				}
			})
		})
	}
}

func benchUpdates(b *testing.B, codec *compress.Codec[float32], n int) [][]byte {
	b.Helper()
	updates := make([][]byte, n)
	g := make([]float32, codec.Dim())
	for i := range updates {
		random := rand.New(rand.NewPCG(1, uint64(i)))
		for j := range g {
			g[j] = float32(random.NormFloat64())
		}
		u, _, err := codec.NewEncoder().Encode(nil, compress.ID{Client: uint32(i)}, codec.NewMemory(0), g)
		if err != nil {
			b.Fatal(err)
		}
		updates[i] = u
	}
	b.ReportMetric(float64(len(updates[0])), "bytes")
	return updates
}
