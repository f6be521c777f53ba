package waterfill

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// BenchmarkSweep is one simultaneous sweep of 1,000 users on 1,024 carriers, each hearing 20 others.
func BenchmarkSweep(b *testing.B) {
	g, err := Generator{Kind: Rayleigh, Users: 1000, Carriers: 1024, Cross: .01, Neighbours: 20, Seed: 1}.Draw()
	if err != nil {
		b.Fatal(err)
	}
	p := newPlay(g, DefaultOptions())
	order := p.schedule()
	for b.Loop() {
		p.measure()
		order.iterate(p)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "sweeps/s")
}

func BenchmarkFill(b *testing.B) {
	for _, k := range []int{1024, 4096} {
		for _, masked := range []bool{false, true} {
			b.Run(fmt.Sprintf("%d carriers, masks %v", k, masked), func(b *testing.B) {
				r := rand.New(rand.NewPCG(1, 1))
				insr, p := make([]float64, k), make([]float64, k)
				var mask []float64
				if masked {
					mask = make([]float64, k)
				}
				for i := range insr {
					insr[i] = r.ExpFloat64() / r.ExpFloat64()
					if masked {
						mask[i] = r.ExpFloat64()
					}
				}
				var f Filler
				for b.Loop() {
					f.Fill(p, insr, mask, float64(k)/4)
				}
			})
		}
	}
}
