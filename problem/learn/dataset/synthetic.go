package dataset

import "math/rand/v2"

// The synthetic set: ten classes in 64 dimensions. A class is a mixture of modes, so that no plane divides it from the
// others; a sample is a mode's centre plus noise. The spread of the centres sets how much classes overlap: a network
// that knew the mixture would find about 19 of 20.
const (
	syntheticClasses  = 10
	syntheticModes    = 3
	syntheticFeatures = 64
	syntheticTrain    = 10_000
	syntheticTest     = 2_000
	syntheticSpread   = 0.55
	syntheticStream   = 0x5e7 // of the seed
)

func synthetic(seed uint64) *Set {
	random := rand.New(rand.NewPCG(seed, syntheticStream))
	centres := drawCentres(random)
	return &Set{
		Name: "synthetic", Unit: "samples", Features: syntheticFeatures, Classes: syntheticClasses,
		Train: drawSamples(centres, syntheticTrain, random), Test: drawSamples(centres, syntheticTest, random),
	}
}

// drawCentres draws the modes of every class, class after class.
func drawCentres(random *rand.Rand) []float32 {
	centres := make([]float32, syntheticClasses*syntheticModes*syntheticFeatures)
	for i := range centres {
		centres[i] = float32(syntheticSpread * random.NormFloat64())
	}
	return centres
}

func drawSamples(centres []float32, n int, random *rand.Rand) *rows {
	r := &rows{make([]float32, n*syntheticFeatures), syntheticFeatures, make([]uint16, n)}
	for i := range n {
		class, mode := i%syntheticClasses, random.IntN(syntheticModes)
		r.labels[i] = uint16(class)
		centre := centres[(class*syntheticModes+mode)*syntheticFeatures:][:syntheticFeatures]
		x := r.values[i*syntheticFeatures:][:syntheticFeatures]
		for j, c := range centre {
			x[j] = c + float32(random.NormFloat64())
		}
	}
	return r
}
