package selection

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestChosenAreDistinctAndNobodyIsLost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 50).Draw(t, "n")
		m := rapid.IntRange(0, n).Draw(t, "m")
		s, err := New(Config{Kind: rapid.SampledFrom(Kinds()).Draw(t, "kind")})
		if err != nil {
			t.Fatal(err)
		}
		free := make([]uint32, n)
		for i := range free {
			free[i] = uint32(i)
		}
		chosen := s.Choose(free, m, rand.New(rand.NewPCG(1, 2)))
		if len(chosen) != m {
			t.Fatalf("chose %d of %d, want %d", len(chosen), n, m)
		}
		all := slices.Sorted(slices.Values(free))
		for i, c := range all {
			if c != uint32(i) {
				t.Fatalf("client %d is missing or there twice: %v", i, all)
			}
		}
	})
}

func TestRandomIsUniform(t *testing.T) {
	const n, m, rounds = 20, 5, 20000
	s, _ := New(Config{Kind: "random"})
	random := rand.New(rand.NewPCG(7, 0))
	free := make([]uint32, n)
	for i := range free {
		free[i] = uint32(i)
	}
	var counts [n]float64
	for range rounds {
		for _, c := range s.Choose(free, m, random) {
			counts[c]++
		}
	}
	want := float64(rounds * m / n)
	for c, got := range counts {
		if math.Abs(got-want) > 5*math.Sqrt(want) {
			t.Errorf("client %d was drawn %v times, want about %v", c, got, want)
		}
	}
}
