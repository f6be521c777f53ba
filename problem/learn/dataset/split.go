package dataset

import (
	"math/rand/v2"
	"slices"
)

// heldOut is one in so many training samples: as many as Fashion-MNIST has for testing.
const heldOut = 6

// HoldOut returns a set whose test part is drawn from the training samples and whose training part is the rest: for
// choosing settings without a look at what they will be judged by. The draw depends on the seed, stream and number of
// samples alone. The test part proper, and whose samples are whose, are left out.
func (s *Set) HoldOut(seed, stream uint64) *Set {
	numbers := make([]int32, s.Train.Len())
	for i := range numbers {
		numbers[i] = int32(i)
	}
	random := rand.New(rand.NewPCG(seed, stream))
	random.Shuffle(len(numbers), func(i, j int) { numbers[i], numbers[j] = numbers[j], numbers[i] })
	held := max(1, len(numbers)/heldOut)
	test, train := numbers[:held], numbers[held:]
	slices.Sort(test)
	slices.Sort(train)
	split := *s
	split.Train, split.Test, split.Owners = subset{s.Train, train}, subset{s.Train, test}, nil
	return &split
}

// subset is some of the samples.
type subset struct {
	of      Samples
	numbers []int32
}

func (s subset) Len() int                { return len(s.numbers) }
func (s subset) Label(i int) int         { return s.of.Label(int(s.numbers[i])) }
func (s subset) Read(x []float32, i int) { s.of.Read(x, int(s.numbers[i])) }
