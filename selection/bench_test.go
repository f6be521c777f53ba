package selection

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// BenchmarkChoose chooses 1,000 of 1,000,000 clients, all of them free and most of them heard.
func BenchmarkChoose(b *testing.B) {
	const n, m = 1_000_000, 1000
	random := rand.New(rand.NewPCG(1, 2))
	s := Situation{Round: 500, Progress: 0.5, Clients: make([]Client, n)}
	for i := range s.Clients {
		c := &s.Clients[i]
		*c = Client{Samples: float64(1 + random.IntN(500)), Loss: Unknown(), RMS: Unknown(), Cosine: Unknown(), Duration: 1 + random.ExpFloat64()}
		if random.IntN(4) > 0 {
			c.Chosen, c.Last = 1+random.Uint64N(9), 1+random.Uint64N(s.Round)
			c.Loss, c.Cosine = random.ExpFloat64(), 2*random.Float64()-1
			c.RMS = c.Loss
		}
	}
	for _, kind := range Kinds() {
		for _, combine := range []string{"additive", "multiplicative"} {
			c := DefaultConfig()
			c.Kind, c.Combine = kind, combine
			if kind != "heteroselect" && combine == "multiplicative" || kind == "all" {
				continue
			}
			b.Run(fmt.Sprintf("%s-%s", kind, combine), func(b *testing.B) {
				selector, err := New(c)
				if err != nil {
					b.Fatal(err)
				}
				free := numbered(n)
				random.Shuffle(n, func(i, j int) { free[i], free[j] = free[j], free[i] })
				for b.Loop() {
					selector.Choose(s, free, m, random)
				}
			})
		}
	}
}
