package fleet

import (
	"math/rand/v2"

	"weir/compress"
	"weir/vec"
)

// ExpectedCycles are the clients' cycle times when every transfer is as large as one of random numbers, in a run of dim
// parameters with compression c.
func ExpectedCycles[T vec.Float](f *Fleet, c compress.Config, dim int) ([]int64, error) {
	random := rand.New(rand.NewPCG(0, 0))
	x := make([]T, dim)
	for i := range x {
		x[i] = T(random.NormFloat64())
	}
	var sizes [2]int
	for i, direction := range []compress.Config{c.Down.Config(), c} {
		codec, err := compress.NewCodec[T](direction, dim, 0)
		if err != nil {
			return nil, err
		}
		update, _, err := codec.NewEncoder().Encode(nil, compress.ID{}, codec.NewMemory(0), x)
		if err != nil {
			return nil, err
		}
		sizes[i] = len(update)
	}
	return f.Cycles(sizes[0], sizes[1]), nil
}
