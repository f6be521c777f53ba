//go:build !amd64 || purego

package compress

import "weir/vec"

func sumSquares[T vec.Float](x []T) float64 {
	var l lanes[T]
	plainSumSquares(&l, x)
	return l.sum()
}

func econtrolStep[T vec.Float](bits []byte, p, e, g, h []T, eta, threshold T) [3]float64 {
	var l [3]lanes[T]
	plainEControlStep(&l, bits, p, e, g, h, eta, threshold)
	return [3]float64{l[0].sum(), l[1].sum(), l[2].sum()}
}

func signBits[T vec.Float](bits []byte, x []T) (sum, squares float64, zeros int) {
	var l [2]lanes[T]
	zeros = plainSignBits(&l, bits, x)
	return l[0].sum(), l[1].sum(), zeros
}

func quantise[T vec.Float](codes []byte, x []T, inverse, s T, first uint32, key uint64) (tt, ff float64) {
	var l [2]lanes[T]
	plainQuantise(&l, codes, x, inverse, s, first, key)
	return l[0].sum(), l[1].sum()
}

func ecStep[T vec.Float](e, g []T, beta T)              { plainECStep(e, g, beta) }
func ef21mStep[T vec.Float](p, v, g, h []T, m T)        { plainEF21MStep(p, v, g, h, m) }
func mark[T vec.Float](bits []byte, x []T, threshold T) { plainMark(bits, x, threshold) }
func maxAbs[T vec.Float](x []T) T                       { return plainMaxAbs(x) }
func addSigns[T vec.Float](y []T, a T, signs []byte)    { plainAddSigns(y, a, signs) }
func addCodes[T vec.Float](y []T, step T, codes []byte) { plainAddCodes(y, step, codes) }
