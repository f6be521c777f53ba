//go:build !purego

package compress

import "testing"

// The AVX2 kernels and the plain twins, on a machine that has AVX-512.
func TestKernelsWithoutAVX512(t *testing.T) {
	defer func(had bool) { avx512 = had }(avx512)
	avx512 = false
	TestKernelsEqualTheirTwins(t)
	TestDigests(t)
}

func TestDigestsWithoutAVX2(t *testing.T) {
	defer func(had bool) { avx2 = had }(avx2)
	avx2 = false
	TestDigests(t)
}
