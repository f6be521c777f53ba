package compress

import (
	"fmt"
	"math/bits"

	"weir/vec"
)

// Everything random is a function of the run's seed and of the place in the run, so that both sides and every build
// draw the same.

// drawKey mixes the run's seed with the name of a frame.
func drawKey(seed uint64, h Header) uint64 {
	k := mix(seed ^ 0x6a09e667f3bcc908)
	k = mix(k ^ uint64(h.Client)<<32 ^ uint64(h.Fragment))
	return mix(k ^ h.Seq)
}

// mix is the finaliser of splitmix64 (Steele, Lea and Flood 2014) after its increment.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// below maps a random word to 0 ... n-1.
func below(word uint64, n int) int {
	hi, _ := bits.Mul64(word, uint64(n))
	return int(hi)
}

// draw calls do with k of n coordinates: one from each of k equal strata, on a circle that starts at random. So each
// coordinate is drawn with probability exactly k/n, none twice, and they come in order but for one jump back.
func draw(key uint64, n, k int, do func(j, i int)) {
	start := below(mix(key), n)
	lo := 0
	for j := range k {
		hi := int(uint64(j+1) * uint64(n) / uint64(k))
		i := start + lo + below(mix(key+uint64(j)+1), hi-lo)
		if i >= n {
			i -= n
		}
		do(j, i)
		lo = hi
	}
}

// A random payload is the values at the drawn coordinates.

func checkRandom[T vec.Float](f Frame, k int) error {
	n := int(f.Count)
	if n != k || len(f.payload) != valueBytes[T](f.Values, n) {
		return fmt.Errorf("%w: random, %d bytes for %d values, must be %d values", ErrSize, len(f.payload), n, k)
	}
	if !checkValues[T](f.Values, f.payload, n) {
		return ErrNotFinite
	}
	return nil
}

// addRandom adds weight times the frame's values to y, the frame's coordinates of a vector.
func addRandom[T vec.Float](y []T, weight T, f Frame, seed uint64) {
	var x [group]T
	draw(drawKey(seed, f.Header), int(f.Length), int(f.Count), func(j, i int) {
		if j%group == 0 {
			readValues(x[:min(group, int(f.Count)-j)], f.Values, f.payload, j, weight)
		}
		y[i] += x[j%group]
	})
}
