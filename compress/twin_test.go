package compress

import (
	"bytes"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"weir/vec"
)

// awkward returns n values among which are zeros of both signs, denormals, ties and large values.
func awkward(r *rand.Rand, n int) []float32 {
	odd := []float32{0, float32(math.Copysign(0, -1)), 1e-45, -1e-40, 1e15, 1, -1}
	x := make([]float32, n)
	for i := range x {
		if x[i] = float32(r.NormFloat64()); r.IntN(4) == 0 {
			x[i] = odd[r.IntN(len(odd))]
		}
	}
	return x
}

func sameBits(a, b []float32) bool { return bytes.Equal(vec.Append(nil, a), vec.Append(nil, b)) }

// Every kernel computes what its plain twin computes, bit by bit, at every length up to a few groups and every offset
// from an aligned address. Under the tag purego this compares the twins with themselves.
func TestKernelsEqualTheirTwins(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for n := range 70 {
		for offset := range 8 {
			testTwins(t, r, n, func() []float32 { return awkward(r, n+offset)[offset:] })
		}
	}
	for _, n := range []int{255, 256, tile - 1, tile} {
		testTwins(t, r, n, func() []float32 { return awkward(r, n) })
	}
}

func testTwins(t *testing.T, r *rand.Rand, n int, draw func() []float32) {
	t.Helper()
	a := float32(r.NormFloat64())
	clones := func(xs ...[]float32) [][]float32 {
		for i := range xs {
			xs[i] = slices.Clone(xs[i])
		}
		return xs
	}
	same := func(name string, got, want [][]float32, gotSums, wantSums []float64) {
		t.Helper()
		for i := range got {
			if !sameBits(got[i], want[i]) {
				t.Fatalf("%s of %d values: vector %d is not what the plain code gives", name, n, i)
			}
		}
		if !slices.Equal(gotSums, wantSums) {
			t.Fatalf("%s of %d values: sums %v, plain %v", name, n, gotSums, wantSums)
		}
	}

	x, e, h, p := draw(), draw(), draw(), draw()

	var l lanes[float32]
	plainSumSquares(&l, x)
	same("sum of squares", nil, nil, []float64{sumSquares(x)}, []float64{l.sum()})

	bits, wantBits := make([]byte, (n+7)/8), make([]byte, (n+7)/8)
	got, want := clones(p, e), clones(p, e)
	sums := econtrolStep(bits, got[0], got[1], x, h, a, 1)
	var l3 [3]lanes[float32]
	plainEControlStep(&l3, wantBits, want[0], want[1], x, h, a, 1)
	same("econtrol", got, want, sums[:], []float64{l3[0].sum(), l3[1].sum(), l3[2].sum()})
	if !bytes.Equal(bits, wantBits) {
		t.Fatalf("econtrol of %d values: marks %x, plain %x", n, bits, wantBits)
	}

	got, want = clones(e), clones(e)
	ecStep(got[0], x, a)
	plainECStep(want[0], x, a)
	same("ec", got, want, nil, nil)

	got, want = clones(p, e), clones(p, e)
	ef21mStep(got[0], got[1], x, h, a)
	plainEF21MStep(want[0], want[1], x, h, a)
	same("ef21m", got, want, nil, nil)

	for _, threshold := range []float32{smallest[float32](), 1, 2, 1e30} {
		mark(bits, x, threshold)
		plainMark(wantBits, x, threshold)
		if !bytes.Equal(bits, wantBits) {
			t.Fatalf("marks of %d values at %v: %x, plain %x", n, threshold, bits, wantBits)
		}
	}

	if m := maxAbs(x); m != plainMaxAbs(x) {
		t.Fatalf("largest of %d values: %v, plain %v", n, m, plainMaxAbs(x))
	}

	clear(bits)
	clear(wantBits)
	var l2 [2]lanes[float32]
	sum, squares, zeros := signBits(bits, x)
	wantZeros := plainSignBits(&l2, wantBits, x)
	if zeros != wantZeros || !bytes.Equal(bits, wantBits) || sum != l2[0].sum() || squares != l2[1].sum() {
		t.Fatalf("signs of %d values: not what the plain code gives", n)
	}

	got, want = clones(e), clones(e)
	addSigns(got[0], a, bits)
	plainAddSigns(want[0], a, bits)
	same("add signs", got, want, nil, nil)

	for _, s := range []float32{1, 7, 127} {
		codes, wantCodes := make([]byte, n), make([]byte, n)
		small := clones(x)[0]
		for i := range small {
			small[i] = min(max(small[i], -3), 3)
		}
		inverse, key := s/3, r.Uint64()
		tt, ff := quantise(codes, small, inverse, s, 5, key)
		var l2 [2]lanes[float32]
		plainQuantise(&l2, wantCodes, small, inverse, s, 5, key)
		same("quantise", nil, nil, []float64{tt, ff}, []float64{l2[0].sum(), l2[1].sum()})
		if !bytes.Equal(codes, wantCodes) {
			t.Fatalf("codes of %d values: %v, plain %v", n, codes, wantCodes)
		}

		got, want = clones(e), clones(e)
		addCodes(got[0], a, codes)
		plainAddCodes(want[0], a, codes)
		same("add codes", got, want, nil, nil)
	}
}

func TestPackedCodesComeBack(t *testing.T) {
	for _, bits := range []int{2, 4} {
		for n := range 40 {
			codes, got := make([]byte, n), make([]byte, n)
			for i := range codes {
				codes[i] = byte(int8(rand.IntN(1<<bits) - 1<<(bits-1)))
			}
			packed := appendCodes(nil, bits, codes)
			unpackCodes(got, bits, packed)
			if len(packed) != (n*bits+7)/8 || !bytes.Equal(got, codes) {
				t.Fatalf("%d codes of %d bits: %v came back as %v", n, bits, codes, got)
			}
		}
	}
}
